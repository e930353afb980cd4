// How far a device is by its submissions, for tests that do something to it in the middle of a run: a clock is another one on every machine.

/** Calls `each` after every submission, with how many there have been. */
export function onSubmission({ queue }: GPUDevice, each: (count: number) => void): void {
  const submit = queue.submit.bind(queue);
  let count = 0;
  queue.submit = (commands) => {
    submit(commands);
    each(++count);
    return undefined;
  };
}

/** Destroys a device so many milliseconds after its submission number `count`. */
export function loseAfter(device: GPUDevice, count: number, ms: number): void {
  onSubmission(device, (now) => {
    if (now === count) setTimeout(() => device.destroy(), ms);
  });
}
