/** Numbers in [0, total) in an order, each at most once; any of them can leave from where it stands. All operations take constant time. */
export class FreeList {
  readonly #next: Int32Array;
  readonly #previous: Int32Array;
  /** The end of the list in both directions. */
  readonly #end: number;
  #length = 0;

  /** Holds all of them, in ascending order. */
  constructor(total: number) {
    this.#end = total;
    this.#next = new Int32Array(total + 1).fill(-1);
    this.#previous = new Int32Array(total + 1).fill(-1);
    this.#next[total] = total;
    this.#previous[total] = total;
    for (let item = 0; item < total; item++) this.pushBack(item);
  }

  get length(): number {
    return this.#length;
  }

  has(item: number): boolean {
    return this.#next[item] !== -1;
  }

  /** Undefined when the list is empty. */
  shift(): number | undefined {
    const first = this.#at(this.#next, this.#end);
    if (first === this.#end) return undefined;
    this.remove(first);
    return first;
  }

  pushFront(item: number): void {
    this.#insert(item, this.#end, this.#at(this.#next, this.#end));
  }

  pushBack(item: number): void {
    this.#insert(item, this.#at(this.#previous, this.#end), this.#end);
  }

  remove(item: number): void {
    const [previous, next] = [this.#at(this.#previous, item), this.#at(this.#next, item)];
    this.#next[previous] = next;
    this.#previous[next] = previous;
    this.#next[item] = -1;
    this.#length -= 1;
  }

  #insert(item: number, previous: number, next: number): void {
    this.#next[previous] = item;
    this.#previous[next] = item;
    this.#next[item] = next;
    this.#previous[item] = previous;
    this.#length += 1;
  }

  #at(links: Int32Array, item: number): number {
    return links[item] ?? this.#end;
  }
}
