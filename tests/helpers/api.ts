/** What the package exports, as text: every name, and the types it has. */

import { parse } from "@babel/parser";
import { readFileSync } from "node:fs";
import { join, posix } from "node:path";
import { ROOT } from "./programs.ts";

/** A node of a program's tree, as far as this looks at it. */
interface Node {
  type: string;
  start: number;
  end: number;
  [more: string]: unknown;
}

interface Comment {
  value: string;
  start: number;
  end: number;
}

/** A name that is exported: where it is declared, under which name, and whether it is a type alone. */
interface Exported {
  file: string;
  name: string;
  isType: boolean;
}

interface Module {
  text: string;
  comments: Comment[];
  /** What is declared, by name: a function has several where it has overloads. */
  declared: Map<string, Node[]>;
  exported: Map<string, Exported>;
}

const modules = new Map<string, Module>();

const nameOf = (node: unknown): string => {
  const { name, value } = node as { name?: string; value?: string };
  return name ?? value!;
};

/** The parser has null, or nothing, for what is not there. */
function isThere(node: unknown): node is Node {
  return node !== null && node !== undefined;
}

/** What a declaration declares. */
function namesOf({ type, id, declarations }: Node): string[] {
  if (type !== "VariableDeclaration") return isThere(id) ? [nameOf(id)] : [];
  return (declarations as Node[]).map(({ id }) => nameOf(id));
}

/** Reads a module, and those that it passes on something of. */
function read(file: string): Module {
  const known = modules.get(file);
  if (known !== undefined) return known;
  const text = readFileSync(join(ROOT, file), "utf8");
  const { program, comments } = parse(text, { sourceType: "module", plugins: ["typescript"] });
  const exported = new Map<string, Exported>();
  const declared = new Map<string, Node[]>();
  const imported = new Map<string, Exported>();
  const module: Module = { text, comments: comments as Comment[], declared, exported };
  modules.set(file, module);
  const fromOf = ({ source }: Node) =>
    posix.normalize(posix.join(posix.dirname(file), (source as { value: string }).value));
  const body = program.body as unknown as Node[];
  for (const node of body) {
    const declaration = (node.declaration ?? node) as Node;
    for (const name of namesOf(declaration)) {
      declared.set(name, [...declared.get(name) ?? [], declaration]);
    }
    if (node.type !== "ImportDeclaration") continue;
    for (const { imported: its, local, importKind } of node.specifiers as Node[]) {
      if (!isThere(its)) continue;
      const isType = node.importKind === "type" || importKind === "type";
      imported.set(nameOf(local), { file: fromOf(node), name: nameOf(its), isType });
    }
  }
  for (const node of body) {
    const isType = node.exportKind === "type";
    if (node.type === "ExportAllDeclaration") {
      for (const [name, one] of read(fromOf(node)).exported) {
        if (!exported.has(name)) exported.set(name, { ...one, isType: isType || one.isType });
      }
    }
    if (node.type !== "ExportNamedDeclaration") continue;
    for (const name of isThere(node.declaration) ? namesOf(node.declaration) : []) {
      exported.set(name, { file, name, isType: isType && !exported.has(name) });
    }
    for (const one of node.specifiers as Node[]) {
      const name = nameOf(one.exported);
      if (one.type === "ExportNamespaceSpecifier") {
        exported.set(name, { file: fromOf(node), name: "*", isType });
        continue;
      }
      const local = nameOf(one.local);
      const itself = { file, name: local, isType: false };
      const from = isThere(node.source)
        ? { file: fromOf(node), name: local, isType: false }
        : imported.get(local) ?? itself;
      const its = from.file === file ? from : read(from.file).exported.get(from.name) ?? from;
      const onlyType = isType || one.exportKind === "type" || from.isType || its.isType;
      exported.set(name, { ...its, isType: onlyType });
    }
  }
  return module;
}

/** The text of a part of a module in one line, of whose comments there are only the defaults. */
function textOf({ text, comments }: Module, start: number, end: number): string {
  let shown = "";
  let at = start;
  for (const comment of comments) {
    if (comment.start < start || comment.end > end) continue;
    const [said = ""] = /@default \{.*\}.*/.exec(comment.value) ?? [];
    shown += `${text.slice(at, comment.start)} ${said && `/* ${said.trim()} */ `}`;
    at = comment.end;
  }
  return (shown + text.slice(at, end)).replace(/\s+/g, " ").replace(/[=;,\s]+$/, "").trim();
}

/** What a user of a class sees of it, without what its methods do. */
function membersOf(module: Module, body: Node[]): string[] {
  const seen = body.filter(({ type, accessibility }) =>
    !/Private|StaticBlock/.test(type) && accessibility !== "private"
  );
  return seen.map(({ start, end, body, value }) =>
    textOf(module, start, ((body ?? value) as Node | null)?.start ?? end)
  );
}

/** A declaration as a user sees it. */
function linesOf(module: Module, node: Node): string[] {
  const { type, start, end, body } = node;
  const whole = body as Node & { body?: Node[] };
  if (type === "FunctionDeclaration") return [textOf(module, start, whole.start)];
  if (type === "ClassDeclaration" || type === "TSInterfaceDeclaration") {
    const members = type === "ClassDeclaration"
      ? membersOf(module, whole.body!)
      : whole.body!.map((one, i) =>
        // A comment before it is its own.
        textOf(module, i === 0 ? whole.start + 1 : whole.body![i - 1]!.end, one.end)
      );
    return [textOf(module, start, whole.start), ...members.map((one) => `  ${one}`)];
  }
  if (type !== "VariableDeclaration") return [textOf(module, start, end)];
  return (node.declarations as Node[]).map(({ id, init }) => {
    const { typeAnnotation, start, end } = id as Node;
    return `const ${textOf(module, start, isThere(typeAnnotation) ? end : (init as Node).end)}`;
  });
}

/** The whole: the names of each entry point, and then what is declared where. */
export function apiOf(entries: Record<string, string>): string {
  const lines: string[] = [];
  const shown = new Map<string, string[]>();
  const show = (file: string, indent: string) => {
    const names = [...read(file).exported].sort(([a], [b]) => a < b ? -1 : 1);
    for (const [name, { file, name: itsName, isType }] of names) {
      const its = itsName === name || itsName === "*" ? "" : ` is ${itsName}`;
      lines.push(`${indent}${isType ? "type " : ""}${name}${its} of ${file}`);
      if (itsName === "*") show(file, `${indent}  `);
      const module = read(file);
      const all = module.declared.get(itsName) ?? [];
      // Where there are overloads nobody sees what stands behind them.
      const overloads = all.filter(({ type }) => type === "TSDeclareFunction");
      const found = overloads.length > 0 ? overloads : all;
      shown.set(`${file} ${itsName}`, found.flatMap((node) => linesOf(module, node)));
    }
  };
  for (const [entry, path] of Object.entries(entries)) {
    lines.push("", entry);
    show(posix.normalize(path), "  ");
  }
  for (const [what, text] of [...shown].sort(([a], [b]) => a < b ? -1 : 1)) {
    if (text.length > 0) lines.push("", what, ...text.map((line) => `  ${line}`));
  }
  return `${lines.join("\n").trim()}\n`;
}
