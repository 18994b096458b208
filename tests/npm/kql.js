// Microsoft's own KQL parser and binder over queries: reads a list of [{table: {column: type}}, [query, …]] on standard
// input, writes the same list with each query made into {diagnostics: [{code, severity, message, text}], strings: [the strings it holds, as data],
// columns: {name: type} of its result}.
'use strict';
const fs = require('fs');
const path = require('path');

const library = path.join(__dirname, 'node_modules', '@kusto', 'language-service-next');
require(path.join(library, 'bridge.min.js'));
require(path.join(library, 'Kusto.Language.Bridge.min.js'));
const { KustoCode, GlobalState, Symbols } = Kusto.Language;

function each(list) {
  const items = [];
  for (let place = 0; place < list.Count; place++) items.push(list.getItem(place));
  return items;
}

function database(tables) {
  const symbols = Object.entries(tables).map(([name, columns]) => {
    const schema = Object.entries(columns).map(([column, type]) => `${column}:${type}`).join(', ');
    return Symbols.TableSymbol.From(`(${schema})`).WithName(name);
  });
  return GlobalState.Default.WithDatabase(new Symbols.DatabaseSymbol.$ctor1('workspace', symbols));
}

function parsed(query, globals) {
  const code = KustoCode.ParseAndAnalyze(query, globals);
  const strings = [];
  Kusto.Language.Syntax.SyntaxElement.WalkNodes(code.Syntax, (node) => {
    if (node.Kind === Kusto.Language.Syntax.SyntaxKind.StringLiteralExpression) strings.push(node.LiteralValue);
  });
  const columns = {};
  if (code.ResultType && code.ResultType.Columns) {
    each(code.ResultType.Columns).forEach((column) => { columns[column.Name] = column.Type.Name; });
  }
  return {
    diagnostics: each(code.GetDiagnostics()).map((found) => ({
      code: found.Code,
      severity: found.Severity,
      message: found.Message,
      text: query.substr(found.Start, found.Length),
    })),
    strings,
    columns,
  };
}

const batches = JSON.parse(fs.readFileSync(0, 'utf8'));
const answers = batches.map(([tables, queries]) => {
  const globals = database(tables);
  return queries.map((query) => parsed(query, globals));
});
fs.writeFileSync(1, JSON.stringify(answers));
