/**
 * The project's mocha reporter: the spec reporter, and then what was skipped and what failed, a line each, and one
 * plain last line with the counts, `12 passed, 0 failed, 1 skipped`, so that a person and a script read the same result.
 * CommonJS, because mocha loads reporters that way.
 */
'use strict';
const { reporters, Runner } = require('mocha');

module.exports = class CountReporter extends reporters.Spec {
  #skipped = [];
  #failed = [];

  constructor(runner, options) {
    super(runner, options);
    runner.on(Runner.constants.EVENT_TEST_PENDING, (test) => this.#skipped.push(test));
    runner.on(Runner.constants.EVENT_TEST_FAIL, (test, error) => this.#failed.push({ test, error }));
  }

  epilogue() {
    super.epilogue();
    const { passes, failures } = this.stats;
    for (const test of this.#skipped) console.log(`skipped: ${test.fullTitle()}: ${skipReason(test)}`);
    for (const { test, error } of this.#failed) {
      console.log(`failed: ${test.fullTitle()}: ${String(error.message).split('\n', 1)[0]}`);
    }
    const skipped = this.#skipped.length === 0 ? '' : `, ${this.#skipped.length} skipped`;
    console.log(`${passes} passed, ${failures} failed${skipped}`);
  }
};

/** What test/support/skip.ts left on the test, or on the suite whose hook was skipped. */
function skipReason(runnable) {
  for (let at = runnable; at; at = at.parent) if (at.skipReason) return at.skipReason;
  return 'no reason given';
}
