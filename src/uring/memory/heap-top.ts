/**
 * Keeps the top of the process's heap where it is, while memory of bulk comes and goes.
 *
 * malloc gives what is free at the top of the heap back to the kernel (M_TRIM_THRESHOLD of mallopt(3), 128 KiB),
 * and after each garbage collection that may be megabytes of dead chunks. The next chunks then lie on new pages,
 * which cost more than the bytes in them: 2 faults for 64 KiB halve the rate of a stream. So the chunk at the
 * highest address that there has been is kept, whatever else has it, for as long as bulk comes to any stream: below
 * it nothing is given back.
 */
interface Block {
  readonly memory: Buffer;
  readonly address: number;
}

export class HeapTop {
  #userCount = 0;
  #highest: Block | undefined;

  /** Bulk comes to one more; `leave` must follow. */
  enter(): void {
    this.#userCount++;
  }

  leave(): void {
    if (--this.#userCount === 0) this.#highest = undefined;
  }

  note(memory: Buffer, address: number): void {
    if (this.#highest === undefined || address > this.#highest.address) this.#highest = { memory, address };
  }
}
