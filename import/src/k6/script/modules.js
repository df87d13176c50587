// The other modules of k6, and those of its library that most scripts use.
(function (global, V, native) {
  'use strict';

  // What `fail` and `abort` end an iteration with.
  class Ended extends Error {}
  V.Ended = Ended;

  const k6 = {
    check: (value, sets) => {
      if (V.probe) { V.probe.lost = 'another check'; return true; }
      for (const [name, test] of Object.entries(sets || {})) {
        const understood = typeof test === 'function' ? V.understand(value, test) : { lost: 'it is no function' };
        V.event({ type: 'check', name, lost: null, atoms: [], ...understood });
      }
      return true;
    },
    group: (name, each) => {
      V.entered += 1;
      V.groups.push({ name: String(name), entered: V.entered });
      const left = () => { V.groups.pop(); };
      let given;
      try { given = each(); } catch (error) { left(); throw error; }
      if (given instanceof Promise) return given.finally(left);
      left();
      return given;
    },
    sleep: (seconds) => { if (!V.probe) V.event({ type: 'sleep', seconds: Number(seconds) || 0 }); },
    fail: (why) => { throw new Ended(`fail(${why === undefined ? '' : `'${why}'`})`); },
    randomSeed: (seed) => { V.seed = Number(seed); },
  };
  const both = (exports) => ({ ...exports, default: exports });
  V.modules.k6 = both(k6);

  const shared = (name, make) => {
    V.is_shared = true;
    let rows;
    try { rows = make(); } finally { V.is_shared = false; }
    if (!Array.isArray(rows)) throw new TypeError('only arrays can be made into SharedArray');
    if (rows.length === 0) throw new Error(`the SharedArray '${name}' is empty`);
    return V.feed(String(name), rows, V.source_of(rows));
  };
  class SharedArray { constructor(name, make) { return shared(name, make); } }
  V.modules['k6/data'] = both({ SharedArray });
  // The file whose rows these are, if they are as it has them.
  V.source_of = (rows) => {
    const text = JSON.stringify(rows);
    for (const [content, path] of V.files) {
      let own = null;
      try { own = /\.csv$/i.test(path) ? csv_rows(content, { header: true }) : V.parse(content); } catch { own = null; }
      if (own && JSON.stringify(own) === text) return path;
    }
    return null;
  };

  const metric = (kind) => class {
    constructor(name) { this.name = name; V.note(`the metric \`${name}\` (${kind}) is left out: a plan has no metrics of its own`); }
    add() {}
  };
  V.modules['k6/metrics'] = both({ Counter: metric('Counter'), Gauge: metric('Gauge'), Rate: metric('Rate'), Trend: metric('Trend') });

  const encoding = {
    b64encode: (data, variant) => {
      const text = String(data);
      const is_url = variant === 'url' || variant === 'rawurl';
      if (V.is_marked(text)) return V.filtered(text, is_url ? 'base64url' : 'base64') || V.absent('b64encode() of a text with a value in it');
      const coded = native.base64(text);
      const lettered = is_url ? coded.replace(/\+/g, '-').replace(/\//g, '_') : coded;
      return /^raw/.test(variant || '') ? lettered.replace(/=+$/, '') : lettered;
    },
    b64decode: (text) => (V.is_marked(String(text)) ? V.absent('b64decode()') : native.base64_decoded(String(text))),
  };
  V.modules['k6/encoding'] = both(encoding);
  global.btoa = (text) => encoding.b64encode(text);
  global.atob = (text) => encoding.b64decode(text);

  const forms = { hex: null, base64: 'base64', base64url: 'base64url', base64rawurl: 'base64url' };
  const digest = (name, text, form, key) => {
    const words = key === undefined ? `${name}()` : `hmac('${name}')`;
    const is_known = (name === 'sha256' || (name === 'md5' && key === undefined)) && form in forms;
    if (!is_known || V.is_marked(String(key))) return V.absent(`crypto.${words}`);
    if (V.is_marked(text)) {
      const first = V.filtered(text, key === undefined ? name : `hmac_sha256 '${String(key).replace(/['\\]/g, '\\$&')}'`);
      if (!first || forms[form] === undefined) return V.absent(`crypto.${words} of a text with a value in it`);
      return forms[form] ? V.filtered(first, forms[form]) : first;
    }
    if (form !== 'hex') return V.absent(`crypto.${words} as ${form}`);
    return key === undefined ? native.digest(name, text) : native.hmac(String(key), text);
  };
  const crypto = { hmac: (name, key, data, form) => digest(name, String(data), form, key) };
  for (const name of ['md4', 'md5', 'sha1', 'sha256', 'sha384', 'sha512', 'sha512_224', 'sha512_256', 'ripemd160']) {
    crypto[name] = (data, form) => digest(name, String(data), form);
  }
  crypto.createHash = (name) => {
    let all = '';
    return { update(data) { all += String(data); return this; }, digest: (form) => digest(name, all, form) };
  };
  crypto.createHMAC = (name, key) => {
    let all = '';
    return { update(data) { all += String(data); return this; }, digest: (form) => digest(name, all, form, key) };
  };
  crypto.randomBytes = () => V.absent('crypto.randomBytes()');
  V.modules['k6/crypto'] = both(crypto);

  const user = V.number('user', () => 1, () => V.note('users are counted from 0 here (`{{user}}`), and from 1 in k6; in arithmetic the first one was taken'));
  const iteration = V.number('iteration', () => 0);
  const arrival = V.number('seq', () => 0);
  global.__VU = user;
  global.__ITER = iteration;
  const tags = { set: undefined };
  const execution = {
    vu: { idInTest: user, idInInstance: user, iterationInInstance: iteration, iterationInScenario: iteration, tags, metrics: { tags: {}, metadata: {} } },
    scenario: {
      get name() { return V.settings.scenario; },
      iterationInTest: arrival, iterationInInstance: arrival, get startTime() { return V.settings.now_ms; }, progress: 0, executor: '',
    },
    instance: { vusActive: 1, vusInitialized: 1, iterationsCompleted: 0, iterationsInterrupted: 0, currentTestRunDuration: 0 },
    test: { abort: (why) => { throw new Ended(`exec.test.abort(${why === undefined ? '' : `'${why}'`})`); }, get options() { return V.options || {}; } },
  };
  V.modules['k6/execution'] = both(execution);

  // jslib.k6.io/k6-utils
  const whole = (low, high) => V.number(`rand ${low} ${high}`, () => Math.floor(Math.random() * (high - low + 1) + low));
  const hole = (text) => { V.drawn += 1; const draw = V.drawn; const mark = () => V.mark({ kind: 'hole', hole: text, draw }); const value = new String(mark()); value.toJSON = mark; return value; };
  V.modules['k6-utils'] = both({
    randomIntBetween: whole,
    randomItem: (list) => {
      const row = V.rows.get(list);
      if (row) { V.feeds.forEach((feed) => { if (feed.rows.length === list.length) feed.is_random = true; }); return row('0'); }
      const is_short = Array.isArray(list) && list.every((item) => typeof item === 'string' && !V.is_marked(item) && item.length < 100);
      return is_short && list.length <= 32 ? hole(`pick ${list.map((item) => `'${item.replace(/['\\]/g, '\\$&')}'`).join(' ')}`) : list[Math.floor(Math.random() * list.length)];
    },
    randomString: (length) => hole(`randstr ${length}`),
    uuidv4: () => hole('uuid'),
    findBetween: (content, left, right) => {
      const subject = V.subject_of(content);
      if (subject) return V.of_subject({ step: subject.step, subject: 'between', left, right });
      const start = content.indexOf(left) + left.length;
      return content.slice(start, content.indexOf(right, start));
    },
    normalDistributionStages: () => { throw new Error('normalDistributionStages is not translated: write `stages` as they are'); },
    getCurrentStageIndex: () => 0, tagWithCurrentStageIndex: () => undefined, tagWithCurrentStageProfile: () => undefined,
  });

  const csv_rows = (text, options) => {
    const mark = options.delimiter || (text.split('\n')[0].includes(';') && !text.split('\n')[0].includes(',') ? ';' : ',');
    const rows = [];
    let row = [''];
    let is_quoted = false;
    for (let at = 0; at < text.length; at += 1) {
      const letter = text[at];
      if (is_quoted) {
        if (letter !== '"') row[row.length - 1] += letter;
        else if (text[at + 1] === '"') { row[row.length - 1] += '"'; at += 1; } else is_quoted = false;
      } else if (letter === '"') is_quoted = true;
      else if (letter === mark) row.push('');
      else if (letter === '\n') { rows.push(row); row = ['']; } else if (letter !== '\r') row[row.length - 1] += letter;
    }
    if (row.length > 1 || row[0] !== '') rows.push(row);
    const filled = rows.filter((one) => one.length > 1 || one[0] !== '');
    if (!options.header) return filled;
    const [names, ...others] = filled;
    return others.map((one) => Object.fromEntries(names.map((name, at) => [name, one[at] ?? ''])));
  };
  const parse = (text, options) => {
    const rows = csv_rows(String(text), options || {});
    const file = V.files.get(String(text));
    const data = file && options && options.header && !V.is_shared ? V.feed(file, rows, file) : rows;
    return { data, errors: [], meta: {} };
  };
  V.modules.papaparse = both({ parse });

  global.open = (path, mode) => {
    const given = native.open(String(path));
    if (given === null || given === undefined) throw new Error(`the file '${path}' cannot be read`);
    const file = native.path(String(path));
    if (mode === 'b') return { is_file_of: file, byteLength: given.length, toString: () => given };
    V.files.set(given, file);
    return given;
  };
  const silent = () => undefined;
  global.console = { log: silent, info: silent, warn: silent, error: silent, debug: silent, table: silent };
  global.setTimeout = (then, ms) => { k6.sleep((Number(ms) || 0) / 1000); Promise.resolve().then(then); return 1; };
  global.clearTimeout = silent;
  V.modules['k6/timers'] = both({ setTimeout: global.setTimeout, clearTimeout: silent });
  global.__ENV = new Proxy({}, {
    get: (_, name) => {
      if (typeof name === 'symbol') return undefined;
      const value = V.settings.environment[name];
      if (value !== undefined) V.variables.add(name);
      return value;
    },
    has: (_, name) => V.settings.environment[name] !== undefined,
  });
  global.require = (name) => V.modules[name] || V.absent(String(name));

  // Goes through one iteration, as k6 would.
  V.drive = async (exports, exec) => {
    const body = exec === 'default' ? exports.default : exports[exec];
    if (typeof body !== 'function') throw new TypeError(`the script exports no function \`${exec}\``);
    try {
      let data;
      if (typeof exports.setup === 'function') {
        V.phase = 'setup';
        data = await exports.setup();
      }
      V.phase = 'iteration';
      await body(data);
    } catch (error) {
      if (!(error instanceof Ended) && !(error instanceof V.Stop)) throw error;
      V.failed = error instanceof Ended ? error.message : 'limit';
    }
  };
  const columns_of = (rows) => {
    const columns = new Set();
    for (const row of rows) if (row !== null && typeof row === 'object') Object.keys(row).forEach((name) => columns.add(name));
    return [...columns];
  };
  V.result = (exports) => JSON.stringify({
    options: exports.options === undefined ? null : exports.options, scenarios: Object.keys((exports.options || {}).scenarios || {}), exports: Object.keys(exports), events: V.events, values: V.values,
    feeds: V.feeds.map((feed) => ({ ...feed, columns: columns_of(feed.rows) })), notes: V.notes, variables: [...V.variables], failed: V.failed, seed: V.seed === undefined ? null : V.seed,
  });
})(globalThis, globalThis.__vajra, globalThis.__native);
