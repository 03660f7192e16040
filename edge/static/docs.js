// Draws /openapi.json. Every text goes in as text, never as markup.
const METHODS = ["get", "post", "put", "patch", "delete"];

function element(name, attributes = {}, ...children) {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  made.append(...children);
  return made;
}

// Text in which `words` between backticks are code.
function prose(text) {
  return text.split("`").map((part, index) => (index % 2 ? element("code", {}, part) : part));
}

function short(reference) {
  return reference.slice(reference.lastIndexOf("/") + 1);
}

// A type in a few words: "string (uuid)", "list of Cover", "string or null".
function words(schema) {
  if (!schema || !Object.keys(schema).length) return "anything";
  if (schema.$ref) return short(schema.$ref);
  if (schema.anyOf) return schema.anyOf.map(words).join(" or ");
  if (schema.enum) return schema.enum.map((value) => JSON.stringify(value)).join(" | ");
  if (schema.type === "array") return schema.items ? `list of ${words(schema.items)}` : "list";
  return schema.format ? `${schema.type} (${schema.format})` : String(schema.type);
}

function limits(whole) {
  const schema = whole.anyOf?.find((one) => one.type !== "null") ?? whole;
  const shown = ["minLength", "maxLength", "minimum", "maximum", "minItems", "maxItems", "pattern", "default"];
  return shown.filter((key) => schema[key] !== undefined).map((key) => `${key} ${JSON.stringify(schema[key])}`).join(", ");
}

function table(heads, rows) {
  const head = element("tr", {}, ...heads.map((text) => element("th", { scope: "col" }, text)));
  const body = rows.map((cells) => element("tr", {}, ...cells.map((cell) => element("td", {}, ...(typeof cell === "string" ? prose(cell) : [cell])))));
  return element("table", {}, element("thead", {}, head), element("tbody", {}, ...body));
}

function fields(schema, schemas) {
  const whole = schema.$ref ? schemas[short(schema.$ref)] : schema;
  const required = new Set(whole.required ?? []);
  return Object.entries(whole.properties ?? {}).map(([name, field]) => [
    element("code", {}, required.has(name) ? name : `${name}?`),
    words(field),
    [field.description, limits(field)].filter(Boolean).join(" · "),
  ]);
}

function parameters(operation) {
  return (operation.parameters ?? []).map((given) => [
    element("code", {}, given.required ? given.name : `${given.name}?`),
    `${given.in}: ${words(given.schema)}`,
    [given.description, limits(given.schema)].filter(Boolean).join(" · "),
    given.example === undefined ? "" : element("code", {}, String(given.example)),
  ]);
}

// What a reference into the document leads to, or the thing itself.
function resolved(value, openapi) {
  if (!value.$ref) return value;
  return value.$ref.slice(2).split("/").reduce((place, name) => place[name], openapi);
}

// How to prove who asks: "bearer", "apiKey covers:write", "cookie and csrf"; any one of them.
function proofs(operation) {
  const one = (requirement) => Object.entries(requirement).map(([name, scopes]) => [name, ...scopes].join(" ")).join(" and ");
  return (operation.security ?? []).map((requirement) => one(requirement) || "nobody in particular");
}

function code(value) {
  return element("pre", { tabindex: "0" }, typeof value === "string" ? value : JSON.stringify(value, null, 2));
}

// The request as a command for a terminal.
function command(path, method, operation) {
  const given = operation.parameters ?? [];
  const filled = given.filter((one) => one.in === "path").reduce((all, one) => all.replace(`{${one.name}}`, one.example), path);
  const lines = [`curl ${method === "get" ? "" : `-X ${method.toUpperCase()} `}${location.origin}${filled}`];
  if (operation.security) lines.push('-H "Authorization: Bearer $TOKEN"');
  const [media, body] = Object.entries(operation.requestBody?.content ?? {})[0] ?? [];
  if (media === "application/json") lines.push(`-H "Content-Type: ${media}"`, `-d '${JSON.stringify(body.example)}'`);
  return lines.join(" \\\n  ");
}

function examples(status, answer, openapi) {
  const shown = [];
  for (const content of Object.values(answer.content ?? {})) {
    if (content.example !== undefined) shown.push(code(content.example));
    for (const [name, example] of Object.entries(content.examples ?? {})) {
      shown.push(element("p", { class: "code-name" }, element("code", {}, name)), code(resolved(example, openapi).value));
    }
  }
  const headers = Object.keys(answer.headers ?? {}).join(", ");
  const types = Object.entries(answer.content ?? {}).map(([media, { schema }]) => `${words(schema)} · ${media}`).join(", ");
  const head = element("summary", {}, element("code", { class: `status s${status[0]}` }, status), element("span", {}, ...prose(answer.description)));
  const facts = [types && `Content: ${types}`, headers && `Headers: ${headers}`].filter(Boolean);
  return element("details", { class: "answer" }, head, element("div", {}, ...facts.map((text) => element("p", {}, text)), ...shown));
}

function section(title, ...content) {
  return [element("h3", {}, title), ...content];
}

function details(path, method, operation, openapi) {
  const parts = [];
  if (operation.description) parts.push(element("p", {}, ...prose(operation.description.replaceAll("\n", " "))));
  const ways = proofs(operation);
  if (ways.length) parts.push(element("p", { class: "proofs" }, "Proven by ", ...ways.map((way) => element("code", {}, way))));
  const given = parameters(operation);
  if (given.length) parts.push(...section("Parameters", table(["name", "type", "about", "example"], given)));
  const [media, body] = Object.entries(operation.requestBody?.content ?? {})[0] ?? [];
  if (body) parts.push(...section(`Body · ${media}`, table(["field", "type", "about"], fields(body.schema, openapi.components.schemas))));
  parts.push(...section("Try it", code(command(path, method, operation))));
  const answers = Object.entries(operation.responses).map(([status, answer]) => examples(status, resolved(answer, openapi), openapi));
  parts.push(...section("Answers", ...answers));
  return element("div", {}, ...parts);
}

function drawn(path, method, operation, openapi) {
  const head = element("summary", {}, element("span", { class: `method ${method}` }, method.toUpperCase()), element("code", {}, path));
  head.append(element("span", { class: "about" }, ...prose(operation.summary)));
  if (!operation.security) head.append(element("span", { class: "open" }, "open to all"));
  const box = element("details", { id: operation.operationId, "data-words": `${method} ${path} ${operation.summary}`.toLowerCase() }, head);
  box.addEventListener("toggle", () => box.children.length < 2 && box.append(details(path, method, operation, openapi)));
  return box;
}

// Operations and their groups that have every word of the search.
function search(text) {
  const wanted = text.toLowerCase().split(/\s+/).filter(Boolean);
  for (const group of document.querySelectorAll("main > section")) {
    const boxes = [...group.querySelectorAll(":scope > details")];
    for (const box of boxes) box.hidden = !wanted.every((word) => box.dataset.words.includes(word));
    group.hidden = wanted.length > 0 && boxes.every((box) => box.hidden);
  }
  const found = document.querySelectorAll("main > section:not([hidden]) > details:not([hidden])").length;
  document.getElementById("found").textContent = wanted.length ? `${found} found` : "";
}

function group(tag) {
  const [heading, about] = [element("h2", {}, tag.name), element("p", {}, ...prose(tag.description ?? ""))];
  return element("section", { id: tag.name }, heading, about);
}

function draw(openapi) {
  const about = document.getElementById("about");
  about.replaceChildren(...prose(openapi.info.description.replaceAll(/(?<!\n)\n(?!\n)/g, " ")));
  document.getElementById("version").textContent = openapi.info.version;
  const groups = new Map(openapi.tags.map((tag) => [tag.name, group(tag)]));
  for (const [path, methods] of Object.entries(openapi.paths)) {
    for (const method of METHODS.filter((name) => methods[name])) {
      const operation = methods[method];
      groups.get(operation.tags[0]).append(drawn(path, method, operation, openapi));
    }
  }
  const schemes = Object.entries(openapi.components.securitySchemes);
  const ways = table(["name", "how", "about"], schemes.map(([name, way]) => [
    element("code", {}, name), [way.type, way.scheme ?? way.name].filter(Boolean).join(": "), way.description ?? "",
  ]));
  const proofs = element("section", { id: "proofs" }, element("h2", {}, "Who asks"), ways);
  document.getElementById("operations").append(proofs, ...groups.values());
  const links = [["proofs", "who asks", ""], ...[...groups].map(([name, made]) => [name, name, String(made.children.length - 2)])];
  document.getElementById("contents").append(...links.map(([id, name, count]) =>
    element("a", { href: `#${id}` }, name, element("span", {}, count))));
  document.getElementById("search").addEventListener("input", (event) => search(event.target.value));
  if (location.hash) document.getElementById(location.hash.slice(1))?.scrollIntoView();
}

fetch("/openapi.json")
  .then((answer) => (answer.ok ? answer.json() : Promise.reject(new Error(`status ${answer.status}`))))
  .then(draw)
  .catch((error) => { document.getElementById("about").textContent = `The document could not be read: ${error.message}`; });
