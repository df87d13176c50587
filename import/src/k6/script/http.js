// `k6/http`: requests are written down, and responses are what the plan will find in them.
(function (V) {
  'use strict';

  class Stop extends Error {}
  Stop.prototype.is_stop = true;

  const METHODS = { get: 'GET', head: 'HEAD', post: 'POST', put: 'PUT', patch: 'PATCH', del: 'DELETE', options: 'OPTIONS' };

  // A path as k6 writes it (`a.0.b`), part by part.
  const path_of = (path) => {
    if (path === undefined || path === null || path === '') return [];
    const text = String(path);
    if (/[#@|*?]/.test(text.replace(/\\./g, ''))) return null;
    return text.split(/(?<!\\)\./).map((part) => part.replace(/\\(.)/g, '$1'));
  };

  const parts_of = (make) => new Proxy({}, {
    get: (_, name) => (typeof name === 'symbol' || name === 'then' || name === 'toJSON' ? undefined : make(String(name))),
    has: (_, name) => {
      const subject = { ...V.subject_of(make(String(name))) };
      return V.probe ? V.probe.ask({ ...subject, of: 'exists' }, () => true) : true;
    },
  });

  const response_of = (step, request) => ({
    get status() {
      const status = V.settings.statuses[step] ?? 200;
      return V.probe ? V.probe.ask({ step, subject: 'status', of: 'value' }, () => status) : status;
    },
    get body() { return V.read({ step, subject: 'body' }); },
    json(path) {
      const parts = path_of(path);
      if (!parts) return V.absent(`json('${path}')`);
      return V.read({ step, subject: 'json', path: parts });
    },
    headers: parts_of((name) => (V.probe
      ? V.probe.ask({ step, subject: 'header', name, of: 'value' }, () => V.of_subject({ step, subject: 'header', name }))
      : V.of_subject({ step, subject: 'header', name }))),
    cookies: parts_of((name) => (V.probe
      ? V.probe.ask({ step, subject: 'cookie', name, of: 'value' }, () => V.of_subject({ step, subject: 'cookie', name }))
      : V.of_subject({ step, subject: 'cookie', name }))),
    timings: new Proxy({}, {
      get: (_, name) => {
        if (!V.probe) return name === 'duration' ? 1 : V.absent(`timings.${String(name)}`);
        if (name !== 'duration') { V.probe.lost = `\`timings.${String(name)}\``; return 0; }
        return V.probe.ask({ step, subject: 'time', of: 'value' }, () => 0.25);
      },
    }),
    html: () => V.absent('html')(),
    submitForm: () => V.absent('submitForm')(),
    clickLink: () => V.absent('clickLink')(),
    url: request.url, status_text: '200 OK', proto: 'HTTP/1.1', error: '', error_code: 0, remote_ip: '', remote_port: 0,
    request: { method: request.method, url: request.url, body: request.body, headers: request.headers },
  });

  const body_of = (body) => {
    if (body === undefined || body === null) return { kind: 'absent' };
    if (typeof body === 'string' || body instanceof String) return { kind: 'text', text: String(body) };
    if (V.subjects.has(body) || typeof body !== 'object') return { kind: 'text', text: String(body) };
    if (typeof body.is_file_of === 'string') return { kind: 'file', file: body.is_file_of };
    if (body instanceof ArrayBuffer || ArrayBuffer.isView(body)) {
      V.note('a body of bytes is left out');
      return { kind: 'absent' };
    }
    const fields = [];
    let is_multipart = false;
    for (const [name, value] of Object.entries(body)) {
      for (const one of Array.isArray(value) ? value : [value]) {
        if (one && one.is_part === true) {
          is_multipart = true;
          fields.push([name, one.file ? `@${one.file}` : one.text]);
        } else fields.push([name, String(one)]);
      }
    }
    return { kind: is_multipart ? 'multipart' : 'form', fields };
  };

  const own_params = ['headers', 'tags', 'cookies', 'timeout', 'auth', 'redirects', 'responseType', 'jar', 'compression', 'responseCallback'];
  const milliseconds = (timeout) => {
    if (typeof timeout === 'number') return timeout;
    let ms = 0;
    const units = { h: 3600000, m: 60000, s: 1000, ms: 1 };
    for (const [, number, unit] of String(timeout).matchAll(/(\d+(?:\.\d+)?)(ms|h|m|s)/g)) ms += Number(number) * units[unit];
    return ms;
  };

  const cookie_pairs = (cookies) => Object.entries(cookies || {}).map(([name, cookie]) => {
    const value = cookie !== null && typeof cookie === 'object' && 'value' in cookie && !V.subjects.has(cookie) ? cookie.value : cookie;
    return `${name}=${value}`;
  });

  const request = (method, address, body, params) => {
    if (V.probe) { V.probe.lost = 'a request'; throw new Error('a check makes a request'); }
    const options = params || {};
    if (V.phase === 'start') throw new Error('Making http requests in the init context is not supported');
    if (V.requests >= V.settings.requests_max) throw new Stop('requests');
    const is_tagged = address !== null && typeof address === 'object' && address.is_url === true;
    const url = String(is_tagged ? address.url : address);
    const headers = Object.entries(options.headers || {}).map(([name, value]) => [name, String(value)]);
    const cookies = cookie_pairs(options.cookies);
    if (cookies.length) headers.push(['Cookie', cookies.join('; ')]);
    const tags = options.tags || {};
    for (const key of Object.keys(options)) if (!own_params.includes(key)) V.note(`the parameter \`${key}\` of requests is left out`);
    for (const key of ['compression', 'responseCallback', 'jar']) if (options[key]) V.note(`the parameter \`${key}\` of requests is left out`);
    for (const key of Object.keys(tags)) if (key !== 'name') V.note(`the tag \`${key}\` of requests is left out`);
    const step = V.requests;
    V.requests += 1;
    V.event({
      type: 'request', step, method: String(method).toUpperCase(), url, headers, body: body_of(body),
      name: tags.name !== undefined ? String(tags.name) : (is_tagged ? address.name : null),
      timeout_ms: options.timeout === undefined ? null : milliseconds(options.timeout),
      auth: options.auth ? String(options.auth) : null,
      redirects: typeof options.redirects === 'number' ? options.redirects : null,
    });
    return response_of(step, { method, url, body, headers: options.headers || {} });
  };

  const one_of_batch = (entry) => {
    if (typeof entry === 'string' || (entry && entry.is_url === true)) return request('GET', entry);
    if (Array.isArray(entry)) return request(entry[0], entry[1], entry[2], entry[3]);
    return request(entry.method, entry.url, entry.body, entry.params);
  };

  const http = { request };
  for (const [name, method] of Object.entries(METHODS)) {
    const has_body = name !== 'get' && name !== 'head';
    http[name] = has_body
      ? (url, body, params) => request(method, url, body, params)
      : (url, params) => request(method, url, null, params);
  }
  http.asyncRequest = async (method, url, body, params) => request(method, url, body, params);
  http.batch = (entries) => {
    V.note('requests of `http.batch` are sent one after the other');
    if (Array.isArray(entries)) return entries.map(one_of_batch);
    return Object.fromEntries(Object.entries(entries).map(([name, entry]) => [name, one_of_batch(entry)]));
  };
  http.url = (texts, ...values) => ({
    is_url: true,
    url: texts.reduce((url, text, at) => url + String(values[at - 1]) + text),
    name: texts.join('${}'),
    toString() { return this.url; },
  });
  http.file = (data, name) => {
    const file = data && typeof data.is_file_of === 'string' ? data.is_file_of : V.files.get(String(data));
    if (!file) V.note(`the file \`${name || 'data'}\` of a form is sent as a text`);
    return { is_part: true, file: file || null, text: String(data) };
  };
  http.setResponseCallback = () => { V.note('`http.setResponseCallback` is left out: here statuses from 400 on fail where no check says otherwise'); };
  http.expectedStatuses = (...statuses) => statuses;
  http.cookieJar = () => ({
    set: (url, name) => { V.note(`the cookie \`${name}\` that the script sets itself is left out`); },
    cookiesForURL: () => V.absent('cookieJar().cookiesForURL'), clear: () => undefined, delete: () => undefined,
  });
  http.CookieJar = class { constructor() { Object.assign(this, http.cookieJar()); } };
  for (const name of ['AUTH_BASIC', 'TLS_1_2', 'TLS_1_3', 'SSL_3_0', 'TLS_1_0', 'TLS_1_1', 'OCSP_STATUS_GOOD']) http[name] = name.toLowerCase();
  V.modules['k6/http'] = { ...http, default: http };
  V.Stop = Stop;
})(globalThis.__vajra);
