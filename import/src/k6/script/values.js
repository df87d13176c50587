// Values that are known only while a plan runs: what a response holds, a user's number, a column of a feed.
//
// In a text each of them is a marker, such as `qvj00012z`, which survives what scripts do with texts: escaping, JSON, capitals. While a check is
// looked at there is a probe, which says what each of them is then, and writes down what was asked.
(function (global) {
  'use strict';

  const JSON_PARSE = JSON.parse;
  const exec = RegExp.prototype.exec;
  const test = RegExp.prototype.test;
  const V = {
    events: [], values: [], notes: [], feeds: [], groups: [], entered: 0, files: new Map(), modules: {}, variables: new Set(),
    phase: 'start', probe: null, drawn: 0, settings: {}, requests: 0, failed: null,
  };
  const known = new Map();
  const subjects = new WeakMap();
  V.subjects = subjects;

  V.note = (text) => { if (!V.notes.includes(text)) V.notes.push(text); };
  V.event = (event) => { V.events.push({ ...event, phase: V.phase, groups: [...V.groups] }); };

  // The marker of a value: the same for the same value.
  V.mark = (value) => {
    const key = JSON.stringify(value);
    if (!known.has(key)) {
      known.set(key, V.values.length);
      V.values.push(value);
    }
    return `qvj${String(known.get(key)).padStart(5, '0')}z`;
  };
  V.is_marked = (text) => /qvj\d{5}z/i.test(text);
  // The value of a text that is one marker and nothing else.
  V.marked = (text) => {
    const match = exec.call(/^qvj(\d{5})z$/, text);
    return match ? V.values[Number(match[1])] : null;
  };
  // The same with one more filter, or nothing if it is not one value.
  V.filtered = (text, filter) => {
    const value = V.marked(String(text));
    return value ? V.mark({ ...value, filters: [...(value.filters || []), filter] }) : null;
  };

  // A number that is known only while a plan runs; in arithmetic it is `number()`.
  V.number = (hole, number, told) => {
    V.drawn += 1;
    const draw = hole.startsWith('rand ') ? V.drawn : 0;
    const text = () => { if (told) told(); return V.mark({ kind: 'hole', hole, is_number: true, draw }); };
    return {
      [Symbol.toPrimitive]: (hint) => { const marked = text(); return hint === 'number' ? number() : marked; },
      toString: text, toJSON: text, toFixed: text, valueOf: text,
    };
  };

  // What stands for something that is not translated: it can be called, made and looked into.
  V.absent = (name) => {
    const told = () => { if (!name.includes('()')) V.note(`\`${name}\` is not translated`); };
    const text = () => V.mark({ kind: 'absent', name });
    return new Proxy(function () {}, {
      get: (_, key) => {
        if (key === Symbol.toPrimitive || key === 'toString' || key === 'valueOf' || key === 'toJSON') return text;
        if (key === 'then' || key === Symbol.iterator) return undefined;
        if (typeof key === 'symbol') return undefined;
        if (key === 'length') return 0;
        if (V.probe) V.probe.lost = `\`${name}\``;
        return V.absent(`${name}.${key}`);
      },
      apply: () => { told(); if (V.probe) V.probe.lost = `\`${name}()\``; return V.absent(`${name}()`); },
      construct: () => { told(); return V.absent(`${name}()`); },
    });
  };

  const subject_key = (subject) => JSON.stringify([subject.step, subject.subject, subject.path, subject.name]);
  V.subject_key = subject_key;

  // A part of a response, as it is now.
  V.read = (subject) => {
    if (!V.probe) return of_subject(subject);
    return V.probe.ask({ ...subject, of: 'value' }, () => of_subject(subject));
  };

  const below = (subject, key) => {
    if (subject.subject === 'json') return { ...subject, path: [...subject.path, String(key)] };
    if (subject.subject === 'cookie' && (key === '0' || key === 'value')) return subject;
    return null;
  };

  const pattern_of = (pattern) => (pattern instanceof RegExp
    ? { source: pattern.source, flags: pattern.flags }
    : { source: String(pattern).replace(/[.*+?^${}()|[\]\\]/g, '\\$&'), flags: '' });

  // What a regular expression finds: each group is a value.
  const groups = (subject, pattern) => {
    const { source, flags } = pattern_of(pattern);
    return new Proxy([], {
      get: (target, key) => {
        if (key === 'length') return 2;
        if (key === 'index') return 0;
        if (key === 'groups') {
          return new Proxy({}, { get: (_, name) => of_subject({ step: subject.step, subject: 'regex', source, flags, group: String(name) }) });
        }
        if (typeof key === 'string' && /^\d+$/.test(key)) {
          return of_subject({ step: subject.step, subject: 'regex', source, flags, group: Number(key) });
        }
        return Reflect.get(target, key);
      },
    });
  };

  // What is asked of a text, as a question that a probe answers with yes or no.
  const asked = {
    includes: (text) => ({ of: 'contains', text: String(text) }),
    startsWith: (text) => ({ of: 'starts', text: String(text) }),
    endsWith: (text) => ({ of: 'ends', text: String(text) }),
    test: (pattern) => ({ of: 'matches', ...pattern_of(pattern) }),
  };
  const question = (subject, kind, argument) => V.probe.ask({ ...subject, ...asked[kind](argument) }, () => true);

  const texts = {
    includes: (subject) => (text) => (V.probe ? question(subject, 'includes', text) : true),
    startsWith: (subject) => (text) => (V.probe ? question(subject, 'startsWith', text) : true),
    endsWith: (subject) => (text) => (V.probe ? question(subject, 'endsWith', text) : true),
    indexOf: (subject) => (text) => (V.probe ? V.probe.ask({ ...subject, of: 'position', text: String(text) }, () => 5) : 5),
    search: (subject) => (pattern) => (V.probe ? (question(subject, 'test', pattern) ? 5 : -1) : 5),
    match: (subject) => (pattern) => {
      if (V.probe) return question(subject, 'test', pattern) ? ['vajra', 'vajra'] : null;
      return groups(subject, pattern);
    },
    trim: (subject) => () => derived(subject, 'trim'),
    toLowerCase: (subject) => () => derived(subject, 'lower'),
    toUpperCase: (subject) => () => derived(subject, 'upper'),
  };
  const parts = ['split', 'substring', 'substr', 'slice', 'replace', 'replaceAll', 'charAt', 'padStart', 'padEnd', 'concat', 'matchAll', 'at'];
  const derived = (subject, filter) => (V.probe
    ? of_subject(subject)
    : of_subject({ ...subject, filters: [...(subject.filters || []), filter] }));

  const shown = (subject) => {
    if (subject.subject === 'json') return `json(${subject.path.length ? `'${subject.path.join('.')}'` : ''})`;
    return subject.name ? `${subject.subject} ${subject.name}` : subject.subject;
  };

  // Lists of a response: what is done with each element is done with the first.
  const lists = {
    map: (first) => (each) => [each(first(), 0)],
    forEach: (first) => (each) => { each(first(), 0); },
    filter: (first) => (each) => { each(first(), 0); return [first()]; },
    find: (first) => (each) => { each(first(), 0); return first(); },
    some: (first) => (each) => { each(first(), 0); return true; },
    every: (first) => (each) => { each(first(), 0); return true; },
  };

  function of_subject(subject) {
    const text = () => (V.probe ? 'vajra' : V.mark({ kind: 'response', ...subject }));
    const proxy = new Proxy({}, {
      get: (_, key) => {
        if (key === Symbol.toPrimitive) return (hint) => (hint === 'number' ? 1 : text());
        if (key === 'toJSON' || key === 'valueOf') return text;
        if (key === 'toString') return () => (V.probe ? proxy : text());
        if (key === 'then' || typeof key === 'symbol') {
          if (key === Symbol.iterator && subject.subject === 'json' && !V.probe) {
            V.note(`what is done with each element of a list of a response is done with the first (${shown(subject)})`);
            return () => [V.read(below(subject, 0))][Symbol.iterator]();
          }
          return undefined;
        }
        if (V.probe) V.probe.navigated.add(subject_key(subject));
        if (key === 'length') return V.probe ? V.probe.ask({ ...subject, of: 'length' }, () => 1) : 1;
        if (key === 'hasOwnProperty') return (name) => Reflect.has(proxy, name);
        if (Object.hasOwn(texts, key)) return texts[key](subject);
        if (Object.hasOwn(lists, key) && subject.subject === 'json') {
          if (V.probe) { V.probe.lost = `\`${key}\` of a list`; return () => undefined; }
          V.note(`what is done with each element of a list of a response is done with the first (\`${key}\` of ${shown(subject)})`);
          return lists[key](() => V.read(below(subject, 0)));
        }
        if (parts.includes(key)) {
          if (V.probe) { V.probe.lost = `\`${key}\` of a text`; return () => ''; }
          return () => V.absent(`${shown(subject)}.${key}()`);
        }
        const part = below(subject, key);
        return part ? V.read(part) : undefined;
      },
      has: (_, key) => {
        const part = below(subject, key);
        if (!V.probe || !part) return true;
        V.probe.navigated.add(subject_key(subject));
        return V.probe.ask({ ...part, of: 'exists' }, () => true);
      },
    });
    subjects.set(proxy, subject);
    return proxy;
  }
  V.of_subject = of_subject;

  // The subject of a value, if it is a part of a response: a marker too.
  V.subject_of = (value) => {
    if (value !== null && typeof value === 'object') return subjects.get(value);
    const marked = typeof value === 'string' ? V.marked(value) : null;
    return marked && marked.kind === 'response' ? marked : undefined;
  };

  // A part that is looked into is no value that is compared.
  const looked_into = (subject) => {
    if (subject && V.probe) V.probe.navigated.add(subject_key(subject));
    return subject;
  };

  // What the language itself does with such values.
  JSON.parse = (text, reviver) => {
    const subject = looked_into(V.subject_of(text));
    if (subject && subject.subject === 'body') return V.read({ step: subject.step, subject: 'json', path: [] });
    if (subject) return of_subject(subject);
    const value = JSON_PARSE(text, reviver);
    const file = V.files.get(text);
    if (file && Array.isArray(value) && value.length > 0 && !V.is_shared) return V.feed(file, value, file);
    return value;
  };
  V.parse = JSON_PARSE;
  RegExp.prototype.exec = function (text) {
    const subject = looked_into(V.subject_of(text));
    return subject ? texts.match(subject)(this) : exec.call(this, text);
  };
  RegExp.prototype.test = function (text) {
    const subject = looked_into(V.subject_of(text));
    if (!subject) return test.call(this, text);
    return V.probe ? question(subject, 'test', this) : true;
  };
  const escape = global.encodeURIComponent;
  global.encodeURIComponent = (value) => String(value).split(/(qvj\d{5}z)/)
    .map((part) => (V.marked(part) ? V.filtered(part, 'url') : escape(part))).join('');

  // Chance and time are what they are set to, so that what follows from them can be told apart.
  let randoms = 0;
  Math.random = () => {
    if (typeof V.settings.random === 'number') return V.settings.random;
    // Others each time, so that what is drawn once and used twice can be told; the first is in the middle.
    randoms += 1;
    return (0.5 + (randoms - 1) * 0.6180339887498949) % 1;
  };
  const RealDate = Date;
  class FixedDate extends RealDate {
    constructor(...parts) { if (parts.length) super(...parts); else super(V.settings.now_ms); }
    static now() { return V.settings.now_ms; }
  }
  global.Date = FixedDate;

  const names = new Map();
  // Rows of a data file: which of them an iteration has is decided by the plan.
  V.feed = (name, rows, file) => {
    if (!names.has(name)) {
      names.set(name, V.feeds.length);
      V.feeds.push({ name, rows, file: file || null, indices: [], is_of_user: false });
    }
    const feed = V.feeds[names.get(name)];
    const row = (key) => row_of(names.get(name), rows[key] === undefined ? rows[0] : rows[key]);
    V.rows.set(rows, row);
    const proxy = new Proxy(rows, {
      get: (target, key) => {
        if (typeof key === 'string' && /^(\d+|NaN|undefined|-1)$/.test(key)) {
          feed.indices.push(key);
          return row(key);
        }
        const value = Reflect.get(target, key);
        return typeof value === 'function' ? value.bind(target) : value;
      },
    });
    V.rows.set(proxy, row);
    return proxy;
  };
  V.rows = new WeakMap();

  const column = (feed, name) => {
    const text = () => V.mark({ kind: 'column', feed, column: name });
    const value = new String(text());
    value.toJSON = text;
    return value;
  };
  const row_of = (feed, row) => {
    if (row === null || typeof row !== 'object') return column(feed, 'value');
    return new Proxy(row, {
      get: (target, key) => {
        const value = target[key];
        if (typeof key === 'symbol' || value === undefined || typeof value === 'function') return value;
        if (value !== null && typeof value === 'object') {
          V.note(`rows of \`${V.feeds[feed].name}\`: \`${key}\` is a list or an object, and taken from the first row`);
          return value;
        }
        return column(feed, key);
      },
    });
  };

  global.__vajra = V;
})(globalThis);
