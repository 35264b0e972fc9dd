// Reads PowerShell with tree-sitter's grammar: an array of texts on standard input; for each, on standard output, what
// cannot be read ("line:column KIND text") and each command with its parameters, in the order of the text.
// The grammar lets a bare word hold a quote. In PowerShell one opens a string there, so that is a fault, too (QUOTE).

import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { Language, Parser } from "web-tree-sitter";

const require = createRequire(import.meta.url);
await Parser.init();
const parser = new Parser();
parser.setLanguage(await Language.load(require.resolve("tree-sitter-powershell/tree-sitter-powershell.wasm")));

function said(node, kind) {
  return `${node.startPosition.row + 1}:${node.startPosition.column + 1} ${kind} ${node.text.split("\n")[0]}`.trim();
}

function* faultsBelow(node) {
  if (node.isError || node.isMissing) {
    yield said(node, node.isMissing ? `MISSING ${node.type}` : "ERROR");
  } else if (node.hasError) {
    for (const child of node.children) yield* faultsBelow(child);
  }
}

function commandOf(node) {
  const elements = node.childForFieldName("command_elements");
  const parameters = elements ? elements.children.filter((one) => one.type === "command_parameter") : [];
  const names = parameters.map((one) => one.text.replace(/^-/, "").replace(/:$/, ""));
  return [node.childForFieldName("command_name").text, names];
}

function read(text) {
  const tree = parser.parse(text);
  const faults = [...faultsBelow(tree.rootNode)];
  if (tree.rootNode.hasError && faults.length === 0) faults.push("1:1 ERROR somewhere");
  const words = tree.rootNode.descendantsOfType(["generic_token", "command_name"]);
  faults.push(...words.filter((one) => /['"]/.test(one.text)).map((one) => said(one, "QUOTE")));
  const commands = tree.rootNode.descendantsOfType("command").map(commandOf);
  tree.delete();
  return { faults, commands };
}

process.stdout.write(JSON.stringify(JSON.parse(readFileSync(0, "utf8")).map(read)));
