// Methods of iterators that Node 22 has and Node 20 lacks, as far as jax-js uses them.

const methods = {
  *map(change) {
    let index = 0;
    for (const value of this) yield change(value, index++);
  },
  *filter(wanted) {
    let index = 0;
    for (const value of this) if (wanted(value, index++)) yield value;
  },
  toArray() {
    return Array.from(this);
  },
};

export function addIteratorMethods() {
  const arrayIterator = Object.getPrototypeOf([].values());
  const prototype = Object.getPrototypeOf(arrayIterator);
  for (const [name, value] of Object.entries(methods)) {
    if (!(name in prototype))
      Object.defineProperty(prototype, name, { value, configurable: true, writable: true });
  }
}
