/** Whether a file of syslog lines holds every numbered message of every sender exactly once. */

/** `<priority>1 time host tag process message-id structured-data text`, as RFC 5424 has it. */
const LINE = /^<\d+>1 \S+ \S+ sender-(\d+) \S+ \S+ (?:-|\[[^\]]*\]) message (\d+) /;

export interface Findings {
  /** Different messages that are there. */
  foundCount: number;
  /** What is wrong, in words; empty when nothing is. */
  faults: string[];
}

export function checkMessages(text: string, senderCount: number, messagesEach: number): Findings {
  const copies = Array.from({ length: senderCount }, () => new Uint32Array(messagesEach));
  let foundCount = 0;
  let repeatedCount = 0;
  let unreadableCount = 0;
  for (const line of text.split('\n').slice(0, -1)) {
    const [, sender, number] = LINE.exec(line) ?? [];
    const ofSender = copies[Number(sender)];
    const index = Number(number);
    if (ofSender?.[index] === undefined) unreadableCount++;
    else if (++ofSender[index] === 1) foundCount++;
    else repeatedCount++;
  }

  const faults: string[] = [];
  copies.forEach((ofSender, sender) => {
    const missing = [...ofSender.keys()].filter((index) => ofSender[index] === 0);
    if (missing.length > 0)
      faults.push(`${missing.length} of sender-${sender} missing: ${shortened(missing)}`);
  });
  if (repeatedCount > 0) faults.push(`${repeatedCount} more than once`);
  if (unreadableCount > 0) faults.push(`${unreadableCount} lines that no sender sent`);
  return { foundCount, faults };
}

function shortened(numbers: readonly number[]): string {
  return numbers.slice(0, 8).join(', ') + (numbers.length > 8 ? ', …' : '');
}
