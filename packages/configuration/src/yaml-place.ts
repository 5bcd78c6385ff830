import { type Document, isAlias, isMap, isNode, isScalar, isSeq, type ParsedNode } from 'yaml';

/**
 * Where something is in a document, in UTF-16 code units from its start.
 *
 * @param path keys and indexes that lead there; if the document lacks the rest of it, the place where it ends
 * @param key whether the last key is meant, not its value
 */
export function offsetOf(document: Document, path: readonly PropertyKey[], key: boolean): number {
  let node: unknown = document.contents;
  let offset = beginOf(node) ?? 0;
  path.forEach((step, i) => {
    const { key: name, value } = childOf(isAlias(node) ? node.resolve(document) : node, step);
    const isWanted = key && i === path.length - 1;
    offset = (isWanted ? beginOf(name) : (beginOf(value) ?? beginOf(name))) ?? offset;
    node = value;
  });
  return offset;
}

/** Whether two YAML keys count as one: 101 and "101" are the same key of a JavaScript object. */
export function isSameKey(a: ParsedNode, b: ParsedNode): boolean {
  return a === b || (isScalar(a) && isScalar(b) && String(a.value) === String(b.value));
}

function childOf(node: unknown, step: PropertyKey): { readonly key?: unknown; readonly value?: unknown } {
  if (isMap(node)) return node.items.find(({ key }) => isScalar(key) && String(key.value) === String(step)) ?? {};
  return isSeq(node) && typeof step === 'number' ? { value: node.items[step] } : {};
}

function beginOf(node: unknown): number | undefined {
  return isNode(node) ? node.range?.[0] : undefined;
}
