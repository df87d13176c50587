// What a check asks of a response: found out by asking it, again and again, about responses that differ in one thing.
(function (V) {
  'use strict';

  const OTHER = 'vajra';
  const ROUNDS_MAX = 12;

  class Probe {
    constructor(assigned) {
      this.assigned = assigned;
      this.asked = new Map();
      this.navigated = new Set();
      this.lost = null;
    }

    ask(atom, otherwise) {
      const key = JSON.stringify(atom);
      this.asked.set(key, atom);
      return this.assigned.has(key) ? this.assigned.get(key) : otherwise();
    }
  }

  // Texts and numbers that stand in a function: what it compares with is among them.
  const literals = (source) => {
    const found = { texts: [], numbers: [] };
    for (const match of source.matchAll(/'((?:[^'\\]|\\.)*)'|"((?:[^"\\]|\\.)*)"|`((?:[^`\\$]|\\.)*)`/g)) {
      const text = match[1] ?? match[2] ?? match[3];
      found.texts.push(text.replace(/\\(['"`\\])/g, '$1').replace(/\\n/g, '\n'));
    }
    for (const match of source.matchAll(/(?<![\w.'"])(\d+(?:\.\d+)?(?:e\d+)?)/g)) found.numbers.push(Number(match[1]));
    return found;
  };

  const around = (numbers) => numbers.flatMap((number) => [number - 1, number - 0.5, number, number + 0.5, number + 1]);
  const distinct = (values) => [...new Set(values)];

  // What an answer may be. The first one is what a response that passes most often has.
  const candidates = (atom, found) => {
    if (atom.subject === 'status') return [200, ...Array.from({ length: 500 }, (_, at) => at + 100).filter((status) => status !== 200), 0];
    if (atom.subject === 'time') return distinct([0.25, ...around(found.numbers).filter((ms) => ms >= 0), 1e9]);
    if (atom.of === 'length') return distinct([1, 0, 2, ...around(found.numbers), 1e6]).filter((length) => length >= 0 && length % 1 === 0);
    if (atom.of === 'position') return [5, 0, -1];
    if (atom.of !== 'value') return [true, false];
    return distinct([OTHER, ...found.texts, ...around(found.numbers), '', 0, 1, -1, true, false, null, undefined]);
  };

  const encoded = (value) => (value === undefined ? { absent: true } : { value });

  V.understand = (value, test) => {
    const found = literals(test.toString());
    const own = V.subjects.get(value !== null && typeof value === 'object' ? value : {});
    const run = (assigned) => {
      const probe = new Probe(assigned);
      V.probe = probe;
      let holds = false;
      try {
        const answer = test(own ? V.read(own) : value);
        holds = !!answer;
        // An answer that is itself a part of the response has to be there.
        const subject = V.subject_of(answer);
        if (subject) probe.ask({ ...subject, of: 'value' }, () => true);
      } catch (error) {
        holds = false;
        if (error && error.is_stop) throw error;
      } finally {
        V.probe = null;
      }
      return { holds, probe };
    };
    return search(run, found);
  };

  const search = (run, found) => {
    const atoms = new Map();
    let assigned = new Map();
    // Takes up what is asked; whether there was anything new.
    const take_up = (probe) => {
      let is_new = false;
      for (const [key, atom] of probe.asked) {
        if (atoms.has(key) || (atom.of === 'value' && probe.navigated.has(V.subject_key(atom)))) continue;
        const values = candidates(atom, found);
        atoms.set(key, { atom, values });
        assigned.set(key, values[0]);
        is_new = true;
      }
      return is_new;
    };
    const unknown = (probe) => [...probe.asked].some(([key, atom]) => !atoms.has(key) && !(atom.of === 'value' && probe.navigated.has(V.subject_key(atom))));
    let last = run(assigned);
    for (let round = 0; round < ROUNDS_MAX; round += 1) {
      if (last.probe.lost) return { lost: `it uses ${last.probe.lost}` };
      if (take_up(last.probe)) { last = run(assigned); continue; }
      if (last.holds) break;
      const better = improved(run, atoms, assigned, unknown);
      if (!better) return { lost: 'no response was found for which it holds' };
      assigned = better;
      last = run(assigned);
    }
    if (!last.holds) return { lost: 'no response was found for which it holds' };
    return conditions(run, atoms, assigned, unknown, found.numbers);
  };

  // The same answers but for one, for which the check holds, or asks for more.
  const improved = (run, atoms, assigned, unknown) => {
    let further = null;
    for (const [key, { values }] of atoms) {
      for (const value of values) {
        const other = new Map(assigned).set(key, value);
        const { holds, probe } = run(other);
        if (holds) return other;
        if (!further && unknown(probe)) further = other;
      }
    }
    return further;
  };

  const conditions = (run, atoms, assigned, unknown, numbers) => {
    const kept = [];
    const idle = [];
    for (const [key, { atom, values }] of atoms) {
      const outcomes = [];
      for (const value of values) {
        const { holds, probe } = run(new Map(assigned).set(key, value));
        if (unknown(probe)) return { lost: 'it holds for different reasons' };
        outcomes.push({ ...encoded(value), holds });
      }
      if (outcomes.every(({ holds }) => holds)) idle.push([key, values]);
      else kept.push({ ...atom, outcomes, numbers });
    }
    const worst = new Map(assigned);
    for (const [key, values] of idle) worst.set(key, values[values.length - 1]);
    if (idle.length > 1 && !run(worst).holds) return { lost: 'it holds for different reasons' };
    if (kept.length === 0) return { lost: 'it holds for every response' };
    return { atoms: kept };
  };
})(globalThis.__vajra);
