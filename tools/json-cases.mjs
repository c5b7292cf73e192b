#!/usr/bin/env node
// Writes Tests/RepriseTests/Golden/json-stringify.jsonl: what a real JavaScript engine makes of several thousand bodies.
//
//   node tools/json-cases.mjs > Tests/RepriseTests/Golden/json-stringify.jsonl
//
// One JSON object a line:
//   {"body":"<base64>","text":"<base64>"}          JSON.stringify(JSON.parse(body).data), UTF-8
//   {"body":"<base64>","text":null,"why":"…"}      "syntax" (JSON.parse throws), "notObject", or "noData"
//
// Bodies are valid UTF-8. The random ones come from a fixed seed, so that the file is the same on every run. Node is not
// needed to build or to test; the output is committed.

const bodies = new Map();
const add = (body) => bodies.set(body, true);
const data = (text) => add(`{"action":"onMessage","data":${text}}`);

let state = 0x2545f491n;
const random64 = () => {  // SplitMix64
  state = (state + 0x9e3779b97f4a7c15n) & 0xffffffffffffffffn;
  let z = state;
  z = ((z ^ (z >> 30n)) * 0xbf58476d1ce4e5b9n) & 0xffffffffffffffffn;
  z = ((z ^ (z >> 27n)) * 0x94d049bb133111ebn) & 0xffffffffffffffffn;
  return z ^ (z >> 31n);
};
const below = (n) => Number(random64() % BigInt(n));
const pick = (list) => list[below(list.length)];
const view = new DataView(new ArrayBuffer(8));
const fromBits = (bits) => (view.setBigUint64(0, bits), view.getFloat64(0));
const toBits = (value) => (view.setFloat64(0, value), view.getBigUint64(0));

// Exact decimal text of a finite double: an integer scaled by powers of two and five.
const exact = (value) => {
  const bits = toBits(value);
  const field = Number((bits >> 52n) & 0x7ffn);
  const mantissa = (bits & 0xfffffffffffffn) + (field ? 1n << 52n : 0n);
  const exponent = (field || 1) - 1075;
  return scaled(mantissa, exponent);
};
const scaled = (mantissa, exponent) => {
  if (exponent >= 0) return (mantissa << BigInt(exponent)).toString();
  const digits = (mantissa * 5n ** BigInt(-exponent)).toString().padStart(1 - exponent, "0");
  return digits.slice(0, exponent) + "." + digits.slice(exponent);
};
// The point halfway between a positive double and the next: a tie that must go to the even one.
const halfway = (value) => {
  const bits = toBits(value);
  const field = Number((bits >> 52n) & 0x7ffn);
  const mantissa = (bits & 0xfffffffffffffn) + (field ? 1n << 52n : 0n);
  return scaled(mantissa * 2n + 1n, (field || 1) - 1076);
};

// Hand-written: shape of the body.
for (const body of [
  "", " ", "\n", "{}", " {} ", "[]", "null", "true", "1", '"data"', '"{\\"data\\":1}"', "[{\"data\":1}]", "{", "}", "{]", "[}",
  '{"data":1', '{"data":1}}', '{"data":1}x', '{"data":1} \t\r\n', '\t\r\n {"data":1}', '{"data":1}\0', '\0{"data":1}',
  '\ufeff{"data":1}', '{"data":1}\ufeff', '\u00a0{"data":1}', '\u2028{"data":1}', '\u000b{"data":1}', '\f{"data":1}',
  '{"data"}', '{"data":}', '{"data" 1}', '{:1}', '{,}', '{"data":1,}', '{,"data":1}', '{"data":1,,"a":2}', '{"data":1 "a":2}',
  '{data:1}', "{'data':1}", '{"data":1;}', '{"data"::1}', '{"data":1/**/}', '//\n{"data":1}', '{"data":undefined}', '{"a":1}',
  '{"DATA":1}', '{"data ":1}', '{" data":1}', '{"":1}', '{"":1,"data":2}', '{"data":1,"data":2}', '{"data":1,"a":0,"data":[2]}',
  '{"data":[1],"data":"x"}', '{"data":{"a":1},"data":null}', '{"d\\u0061ta":1}', '{"\\u0064\\u0061\\u0074\\u0061":1}',
  '{"data":1,"d\\u0061ta":2}', '{"d\\u0061ta":1,"data":2}', '{"d\\u0061t\\u0041":1}', '{"data\\u0000":1}', '{"__proto__":{"data":1}}',
  '{"__proto__":{"data":1},"data":2}', '{"data":{"__proto__":1}}', '{"data":{"__proto__":{"a":1},"b":2}}',
  '{"data":{"b":1,"__proto__":2,"__proto__":3}}', '{"data":{"toJSON":1}}', '{"data":{"constructor":1,"toString":2,"length":3}}',
  '{"nested":{"data":1}}', '{"nested":{"data":1},"data":2}', '{"data":1,"nested":[{"data":3}]}', '{"data":"x","bad":01}',
  '{"data":"x","bad":"\\x"}', '{"bad":nul,"data":1}', '{"data":1,"bad":[1,]}', '{"data":1,"bad":{"a":1,}}', '{"data":1,"bad":"\t"}',
  '{ "data" : 1 }', '{\n  "action": "onMessage",\n  "data": {\n    "a": 1,\n    "b": [1, 2, {"c": null}]\n  }\n}\n',
  '{"action":"onMessage","data":"hello"}', '{"data":"é","é":1}', '{"data":"x","é":"\\u00e9"}',
]) add(body);

// Literals and their misspellings.
for (const text of ["null", "true", "false", "nul", "nulll", "True", "TRUE", "tru", "t", "f", "n", "NaN", "Infinity", "-Infinity",
  "-", "+1", "--1", "-a", ".5", "5.", "-.5", "0.", "1.e5", "1e", "1e+", "1e-", "1E+", "00", "01", "-01", "-00", "0x10", "1_000", "1.2.3",
  "0e0", "1 2", "1e5.5", "１", "٣", "1n", "0b1", "- 1", "1 .5", "1. 5", "1e 5"]) data(text);

// Numbers: forms.
for (const text of ["0", "-0", "0.0", "-0.0", "0e10", "-0e-10", "0E+400", "1", "-1", "1.0", "-1.0", "1.50", "10", "100", "1e0", "1e1", "1E2",
  "1e+2", "1e-2", "12e-1", "0.1", "0.10", "0.01", "0.001", "0.000001", "0.0000010", "0.00000123456789", "0.0000001", "0.00000012",
  "1e-6", "1e-7", "123e-20", "1e20", "1e21", "1e22", "123456789012345680000", "999999999999999999999", "1000000000000000000000",
  "1000000000000000128", "9007199254740991", "9007199254740992", "9007199254740993", "9007199254740994", "-9007199254740993",
  "18014398509481982", "18014398509481984", "18014398509481985", "18014398509481988", "999999999999999", "9999999999999999",
  "123456789012345", "1234567890123456", "12345678901234567890", "0.123456789012345", "0.1234567890123456", "0.30000000000000004",
  "3.141592653589793", "3.14159265358979323846264338327950288", "1.7976931348623157e308", "1.7976931348623158e308",
  "1.7976931348623159e308", "1.797693134862315807e308", "1.797693134862315808e308", "-1.8e308", "1e308", "1e309", "1e400", "-1e400",
  "1e99999999999999999999", "-1e99999999999999999999", "1e-99999999999999999999", "0e99999999999999999999", "5e-324", "4.9e-324",
  "2.5e-324", "2.4703282292062327e-324", "2.4703282292062328e-324", "2e-324", "-2e-324", "2.2250738585072014e-308",
  "2.2250738585072011e-308", "2.225073858507201e-308", "8.5e-5", "123.456", "-123.456", "1.5e300", "1e23", "9e22", "8.41e21",
  "0.5", "-0.5", "-0.000001", "-0.0000001", "99999999999999.9", "9999999999999.95", "100000000000000.5", "0.00000000000001",
  "1" + "0".repeat(400), "0." + "0".repeat(400) + "1", "1" + "0".repeat(400) + "e-400", "0." + "0".repeat(400) + "1e401",
  "9".repeat(40), "0." + "9".repeat(40), "1." + "0".repeat(60) + "1", "3" + "3".repeat(30) + ".5e-15"]) {
  data(text);
  data(`[${text},{"n":${text}}]`);
}
for (let power = -330; power <= 312; power++) {
  data(`1e${power}`);
  if (power % 5 === 0) data(`-9.999999999999999e${power}`);
}
for (let exponent = -1074; exponent <= 1023; exponent += exponent > -120 && exponent < 130 ? 1 : 29) data(exact(2 ** exponent));
for (let i = 0; i < 8; i++) data(exact(fromBits(BigInt(i * i * i + 1))));  // smallest subnormals
for (let i = 0; i < 60; i++) data(String(fromBits(random64() & 0xfffffffffffffn)));  // subnormals
for (let i = 0; i < 500; i++) {
  const value = fromBits(random64());
  if (Number.isFinite(value)) { data(String(value)); if (i % 25 === 0) data(exact(value)); }
}
for (let i = 0; i < 250; i++) {  // everyday magnitudes
  const value = fromBits((random64() & 0x800fffffffffffffn) | (BigInt(1023 - 30 + below(90)) << 52n));
  data(String(value));
  data(exact(value));
  data(value.toPrecision(1 + below(21)));
  data(value.toExponential(below(20)));
}
for (let i = 0; i < 250; i++) {  // ties, and a hair to either side
  const field = pick([below(40) === 0 ? 0 : 1022, below(40) === 0 ? 2 : 1021, 900, 960, 1022, 1023, 1024, 1075, 1076, 1077, 1100, 1200, 2046]);
  const value = fromBits((random64() & 0xfffffffffffffn) | (BigInt(field) << 52n));
  const tie = halfway(value);
  const point = tie.includes(".");
  data(tie);
  data(tie + (point ? "" : ".") + "0".repeat(20) + "1");
  if (point) data(tie.slice(0, -1) + "4999");
}
for (let i = 0; i < 400; i++) {  // plain decimals around the fast path's fifteen digits
  let digits = "";
  for (let n = 1 + below(19); n > 0; n--) digits += below(3) === 0 ? "0" : String(below(10));
  const at = below(digits.length + 1);
  const whole = digits.slice(0, at).replace(/^0+(?=.)/, "") || "0";
  const fraction = digits.slice(at);
  data((below(3) === 0 ? "-" : "") + whole + (fraction ? "." + fraction : ""));
}

// Strings: every code unit that matters, raw and escaped.
for (let unit = 0; unit < 0x100; unit++) {
  const hex = unit.toString(16).padStart(4, "0");
  data(`"a\\u${hex}b"`);
  data(`"\\u${hex.toUpperCase()}"`);
  if (unit < 0x80 || unit % 16 === 0) data(`"a${String.fromCharCode(unit)}b"`);
  if (unit >= 0x20 && unit < 0x7f) data(`"\\${String.fromCharCode(unit)}"`);
}
for (const hex of ["0100", "07ff", "0800", "0fff", "1000", "2027", "2028", "2029", "d7ff", "d800", "dabc", "dbff", "dc00", "dead", "dfff",
  "e000", "fdd0", "feff", "fffd", "fffe", "ffff", "FFFF", "DbFf"]) {
  data(`"\\u${hex}"`);
  data(`"x\\u${hex}y"`);
  data(`{"\\u${hex}":"\\u${hex}"}`);
}
for (const text of ["\\ud83d\\ude00", "\\uD83D\\uDE00", "\\ud83d\\ud83d\\ude00", "\\ude00\\ud83d", "\\ud83d x\\ude00", "\\ud83d\\n\\ude00",
  "\\ud83d😀", "😀\\ude00", "\\ud83d\\u0041", "\\ud83d\\u00e9", "\\ud800\\udc00", "\\udbff\\udfff", "\\ud83d", "\\ud83d\\", "\\ud83d\\u",
  "\\ud83d\\ude0", "\\ud83d\\ude0g", "\\u", "\\u1", "\\u12", "\\u123", "\\u123g", "\\uG000", "\\u 123", "\\u+123", "\\U0041", "\\x41",
  "\\'", "\\0", "\\a", "\\v", "\\e", "\\", "\\\\", "\\\\\\", "\\\\\\\\", "\\\"", "\\\\\"", "\\/", "/", "</script>", "<\\/script>", "\u2028\u2029",
  "\ufeff", "\u007f\u0080\u009f", "日本語", "e\u0301 é", "😀😀", "👨‍👩‍👧", "\ud7ff\ue000\uffff", "\u{10ffff}", "\u{10000}", "a\nb", "a\tb", "line\\nline\\ttab",
  "say \\\"hi\\\"", "C:\\\\dir", "\\b\\f\\n\\r\\t", "\\b\\f\\n\\r\\t\\/", "", " ", "  spaced  out  ", "{\\\"a\\\":1}", "[1, 2]", "a,b:c{d}e[f]"]) {
  data(`"${text}"`);
  data(`["${text}",1]`);
  data(`[ "${text}" , {"${text}k" : "${text}" } ]`);
  add(`{"${text}":1,"data":"after"}`);
}
// A quote, a backslash, a control character and the end of the text at every place in an eight-byte word.
for (let length = 0; length <= 20; length++) {
  const filler = "abcdefghijklmnopqrstuvwxyz".slice(0, length);
  data(`"${filler}"`); data(`"${filler}\\n${filler}"`); data(`"${filler}\\u0041"`); data(`"${filler}\x1f"`); data(`"${filler}é${filler}"`);
  data(`"${filler}\x7f"`); data(`"${filler}`); data(`"${filler}\\`); data(`"${filler}\\"`); data(`"${filler}\x01\x22"`); data(`"${filler}!\x22\x01"`);
}

// Keys: order, duplicates, indices.
for (const text of ["{}", "{ }", "[]", "[ ]", "[[]]", "[{}]", "{\"a\":{}}", "{\"a\":1,\"a\":2}", "{\"a\":1,\"b\":2,\"a\":3}",
  "{\"a\":1,\"\\u0061\":2}", "{\"\\u0061\":1,\"b\":0,\"a\":2}", "{\"b\":1,\"a\":2}", "{\"1\":1}", "{\"b\":1,\"1\":2}", "{\"2\":1,\"1\":2}",
  "{\"1\":1,\"2\":2}", "{\"10\":1,\"9\":2}", "{\"0\":1,\"a\":2,\"-1\":3,\"1\":4}", "{\"01\":1,\"1\":2}", "{\"a\":0,\"00\":1,\"0\":2}",
  "{\"1.0\":1,\"1\":2}", "{\"1e3\":1,\"5\":2}", "{\" 1\":1,\"1\":2}", "{\"x\":0,\"4294967294\":1}", "{\"x\":0,\"4294967295\":1}",
  "{\"x\":0,\"4294967296\":1}", "{\"x\":0,\"4294967293\":1,\"4294967294\":2,\"4294967295\":3,\"0\":4}", "{\"x\":0,\"9007199254740993\":1}",
  "{\"x\":0,\"99999999999999999999\":1}", "{\"x\":0,\"\\u0031\":1}", "{\"x\":0,\"2147483647\":1,\"2147483648\":2,\"5\":3}",
  "{\"1\":1,\"1\":2}", "{\"2\":1,\"1\":2,\"2\":3}", "{\"\":1}", "{\"a\":1,\"\":2}", "{\"\":1,\"\":2}", "{\"3f2a\":1,\"1a\":2,\"5\":3}",
  "{\"a\":1,\"\\u0000\":2}", "{\"é\":1,\"e\\u0301\":2,\"\\u00e9\":3}", "{\"\\ud83d\":1,\"\\ude00\":2,\"\\ud83d\\ude00\":3,\"😀\":4}",
  "{\"a\\nb\":1,\"a\\u000ab\":2}", "{\"a\\\\\":1,\"a\":2,\"a\\\\\":3}", "{\"a\\\"\":1,\"a\":2,\"a\\\"\":3}", "{\"/\":1,\"\\/\":2}",
  "{\"abcdefgh\":1,\"abcdefgi\":2,\"abcdefgh\":3}", "{\"abcdefghi\":1,\"abcdefghj\":2,\"abcdefghi\":3}", "{1:2}", "{a:1}", "{null:1}",
  "{\"a\":[{\"a\":1,\"a\":2}],\"b\":{\"b\":{\"b\":1}}}", "[1,2", "[1 2]", "[,1]", "[1,]", "[1,,2]", "{\"a\":1", "{\"a\"", "{\"a\":",
  "{\"a\" : [ 1 , 2 ] , \"b\" : { } , \"c\" : \" x  y \" }", "[\t1,\r\n2 ]", "{\"a\": 1, \"a\": 2}", "{\"a\": 1.0}"]) data(text);
for (const count of [2, 8, 15, 16, 17, 18, 40, 300]) {
  const keys = Array.from({ length: count }, (_, i) => `"key${i * 7}":${i}`);
  data(`{${keys.join(",")}}`);
  data(`{${keys.join(",")},"key0":"again"}`);
  data(`{${keys.join(", ")}}`);
  data(`{${keys.map((k) => k.replace("key", "")).join(",")}}`);
}
add('{"data":{"ab":1,"ab":2}}'); add('{"data":{"ab":1,"cd":2,"ab":3}}'); add('{"data":{"a":1,"a":""}}');
for (let length = 1; length <= 20; length++) {  // a repeated key close to the end of the body
  const key = "abcdefghijklmnopqrst".slice(0, length);
  add(`{"data":{"${key}":1,"x":2,"${key}":3}}`); add(`{"data":{"${key}":1,"${key}x":2}}`);
}

// Nesting up to the limit we set, 128 containers with the body itself; deeper bodies are our own business.
for (const depth of [1, 2, 3, 63, 64, 65, 126, 127]) {
  data("[".repeat(depth) + "]".repeat(depth));
  data('{"a":'.repeat(depth) + "1" + "}".repeat(depth));
  data("[ ".repeat(depth) + "1.0" + " ]".repeat(depth));
  data("[".repeat(depth) + "]".repeat(depth - 1));
}

// Random values, written in random ways, sometimes broken.
const space = () => (loose ? " ".repeat(below(3)) + pick(["", "", "\n", "\t", "\r\n"]) : "");
const letter = () => pick(["a", "b", "key", " ", "é", "日", "😀", "\\n", "\\\"", "\\\\", "\\/", "\\u0041", "\\ud83d", "\\ude00", "\\u001f", "0", "1", "9"]);
const string = () => { let s = ""; for (let n = below(7); n > 0; n--) s += plain ? pick(["a", "b", "c", "hello", " ", "é"]) : letter(); return `"${s}"`; };
const number = () => plain ? String(below(100000)) : pick([() => String(below(1000)), () => `-${below(10)}.${below(1000)}`,
  () => `${below(100)}e${below(30) - 15}`, () => String(fromBits(random64() & 0x7fefffffffffffffn)), () => `${below(9)}.${below(100)}0`])();
const value = (depth) => {
  const kind = below(depth > 4 ? 5 : 8);
  if (kind === 0) return pick(["null", "true", "false"]);
  if (kind <= 2) return number();
  if (kind <= 4) return string();
  const parts = Array.from({ length: below(5) }, () =>
    (kind === 5 ? "" : `${string()}${space()}:${space()}`) + value(depth + 1));
  const [open, close] = kind === 5 ? "[]" : "{}";
  return open + space() + parts.join(`${space()},${space()}`) + space() + close;
};
let loose = false;
let plain = false;
for (let i = 0; i < 1200; i++) {
  loose = i % 3 === 0;
  plain = i % 2 === 0;
  const members = [`"action"${space()}:${space()}"onMessage"`];
  for (let n = 1 + below(2); n > 0; n--) members.push(`"data"${space()}:${space()}${value(0)}`);
  if (below(3) === 0) members.push(`${string()}:${value(2)}`);
  let body = `{${space()}${members.join(space() + "," + space())}${space()}}`;
  add(body);
  if (i % 3 === 1) {  // one edit: drop, double or replace a character
    const points = Array.from(body);
    const at = below(points.length);
    points.splice(at, below(2), ...(below(3) === 0 ? [] : [pick([...'{}[]",:\\0e-.tn \n', "\u0001", points[at]])]));
    add(points.join(""));
  }
}

const base64 = (text) => Buffer.from(text, "utf8").toString("base64");
for (const body of bodies.keys()) {
  if (!body.isWellFormed()) throw new Error(`not UTF-8: ${JSON.stringify(body)}`);
  const line = { body: base64(body), text: null };
  try {
    const parsed = JSON.parse(body);
    if (parsed === null || typeof parsed !== "object" || Array.isArray(parsed)) line.why = "notObject";
    else if (!Object.hasOwn(parsed, "data")) line.why = "noData";
    else line.text = base64(JSON.stringify(parsed.data));
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
    line.why = "syntax";
  }
  console.log(JSON.stringify(line));
}
