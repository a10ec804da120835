/** A flag that can be waited for, with a time limit. Set before the wait, it is not missed. */
export class Signalled {
  private isSet = false;
  private waiters: (() => void)[] = [];

  set(): void {
    this.isSet = true;
    for (const wake of this.waiters.splice(0)) wake();
  }

  clear(): void {
    this.isSet = false;
  }

  /** Resolves when set, or after `ms`. */
  wait(ms: number): Promise<void> {
    if (this.isSet) return Promise.resolve();
    return new Promise((resolve) => {
      const done = (): void => {
        clearTimeout(timer);
        this.waiters = this.waiters.filter((waiter) => waiter !== done);
        resolve();
      };
      const timer = setTimeout(done, ms);
      this.waiters.push(done);
    });
  }
}
