// Draws /openapi.json. Every text goes in as text, never as markup.
const METHODS = ["get", "post", "put", "patch", "delete"];

function element(name, attributes = {}, ...children) {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  made.append(...children);
  return made;
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

function limits(schema) {
  const shown = ["minLength", "maxLength", "minimum", "maximum", "minItems", "maxItems", "pattern", "default"];
  return shown.filter((key) => schema[key] !== undefined).map((key) => `${key} ${JSON.stringify(schema[key])}`).join(", ");
}

function table(heads, rows) {
  const head = element("tr", {}, ...heads.map((text) => element("th", { scope: "col" }, text)));
  const body = rows.map((cells) => element("tr", {}, ...cells.map((cell) => element("td", {}, cell))));
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
    limits(given.schema),
  ]);
}

function section(title, ...content) {
  return [element("h3", {}, title), ...content];
}

function details(operation, schemas) {
  const parts = [];
  const given = parameters(operation);
  if (given.length) parts.push(...section("Parameters", table(["name", "type", "limits"], given)));
  const body = operation.requestBody?.content["application/json"];
  if (body) parts.push(...section("Body", table(["field", "type", "about"], fields(body.schema, schemas))));
  if (body?.example) parts.push(element("pre", {}, JSON.stringify(body.example, null, 2)));
  const answers = Object.entries(operation.responses).map(([status, answer]) => {
    const [media, content] = Object.entries(answer.content ?? {})[0] ?? ["", null];
    return [element("code", {}, status), answer.description, content ? `${words(content.schema)} · ${media}` : ""];
  });
  parts.push(...section("Answers", table(["status", "meaning", "content"], answers)));
  return element("div", {}, ...parts);
}

function drawn(path, method, operation, schemas) {
  const head = element("summary", {}, element("span", { class: "method" }, method.toUpperCase()), element("code", {}, path));
  if (operation.security) head.append(element("span", { class: "lock" }, "signed in"));
  head.append(element("span", { class: "about" }, operation.summary));
  const box = element("details", { id: operation.operationId }, head);
  box.addEventListener("toggle", () => box.children.length < 2 && box.append(details(operation, schemas)));
  return box;
}

function draw(openapi) {
  document.getElementById("about").textContent = `${openapi.info.description} Version ${openapi.info.version}.`;
  const groups = new Map(openapi.tags.map((tag) => [tag.name, element("section", { id: tag.name }, element("h2", {}, tag.name))]));
  for (const [path, methods] of Object.entries(openapi.paths)) {
    for (const method of METHODS.filter((name) => methods[name])) {
      const operation = methods[method];
      groups.get(operation.tags[0]).append(drawn(path, method, operation, openapi.components.schemas));
    }
  }
  document.getElementById("operations").append(...groups.values());
  const links = [...groups.keys()].map((name) => element("a", { href: `#${name}` }, name));
  document.getElementById("contents").append(...links);
}

fetch("/openapi.json")
  .then((answer) => (answer.ok ? answer.json() : Promise.reject(new Error(`status ${answer.status}`))))
  .then(draw)
  .catch((error) => { document.getElementById("about").textContent = `The document could not be read: ${error.message}`; });
