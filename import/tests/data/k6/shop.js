import http from 'k6/http';
import { check, group, sleep, fail } from 'k6';
import { Trend } from 'k6/metrics';
import { SharedArray } from 'k6/data';
import exec from 'k6/execution';
import encoding from 'k6/encoding';
import { randomIntBetween, uuidv4 } from 'https://jslib.k6.io/k6-utils/1.4.0/index.js';
import { headersOf } from './lib.js';

const BASE = __ENV.BASE_URL || 'http://shop.test:8080';
const waits = new Trend('waits');
const users = new SharedArray('users', () => JSON.parse(open('./users.json')));

export const options = {
  scenarios: {
    buyers: {
      executor: 'ramping-arrival-rate',
      startRate: 10,
      timeUnit: '1s',
      preAllocatedVUs: 20,
      maxVUs: 50,
      stages: [
        { target: 10, duration: '5s' },
        { target: 50, duration: '1m' },
        { target: 0, duration: '30s' },
      ],
      gracefulStop: '5s',
    },
  },
  thresholds: {
    http_req_duration: ['p(95)<500', { threshold: 'avg<200', abortOnFail: true, delayAbortEval: '10s' }],
    'http_req_duration{name:Login}': ['p(99)<900'],
    http_req_failed: ['rate<0.01'],
    checks: ['rate>0.95'],
    waits: ['avg<10'],
  },
};

export default function () {
  const user = users[exec.scenario.iterationInTest % users.length];
  const login = http.post(`${BASE}/session`, JSON.stringify({ name: user.name, pass: user.pass, n: __ITER }), {
    headers: { 'Content-Type': 'application/json' },
    tags: { name: 'Login' },
  });
  const ok = check(login, {
    'status is 201': (r) => r.status === 201,
    'has a token': (r) => r.json('token') !== undefined,
    'is quick': (r) => r.timings.duration < 400,
    'is odd': (r) => Number(r.json('n')) % 2 === 1,
  });
  if (!ok) fail('no login');
  if (login.status !== 201) fail('no status');
  const token = login.json().token;
  const headers = headersOf(token);
  sleep(1);
  let first;
  group('browse', () => {
    const list = http.get(`${BASE}/items?page=${Math.floor(Math.random() * 10) + 1}&q=${encodeURIComponent('a b')}`, { headers });
    check(list, {
      'is a list': (r) => r.status === 200 && r.body.includes('items'),
      'has items': (r) => r.json('items').length > 0,
    });
    first = list.json('items.0.id');
    http.get(`${BASE}/items/${first}`, { headers });
    for (let i = 0; i < 3; i += 1) http.get(`${BASE}/ping`);
    sleep(Math.random() * 3 + 1);
  });
  const csrf = http.get(`${BASE}/form`).body.match(/name="csrf" value="(\w+)"/)[1];
  const order = http.post(`${BASE}/orders`, { csrf, item: `${randomIntBetween(1, 50)}`, user: `${__VU}`, key: uuidv4() });
  http.get(`${BASE}${order.headers.Location}`);
  http.del(`${BASE}/carts/${first}`, null, { headers: { Authorization: `Basic ${encoding.b64encode('a:b')}` } });
  waits.add(1);
}
