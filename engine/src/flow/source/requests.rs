//! What a session sends and what it keeps: how a request is filled in, and what becomes of its response.

use super::FlowSource;
use crate::flow::rows::RowSource;
use crate::flow::sessions::CallMemory;
use crate::flow::unfilled::in_words;
use crate::outbox::Outbox;
use crate::outcome::{Kind, Outcome};
use crate::quantity::SECOND_NS;
use crate::record::RedirectEnd;
use crate::seams::{Call, End, Unprepared};
use crate::template::HoleContext;

const TOO_MANY_COOKIES: &str = "the session has more cookies than it keeps, 50 and about 8 KiB";
const COOKIES_CUT: &str = "the response sets more cookies than are read of one, 16 KiB";

impl<R: RowSource> FlowSource<R> {
    pub(super) fn unix_s(&self, now_ns: u64) -> i64 {
        (self.unix_offset_ns.wrapping_add(now_ns) / SECOND_NS) as i64
    }

    /// What a response comes to, whose values become the session's.
    pub(super) fn judge(&mut self, call: Call, end: End, elapsed_ns: u64) -> Outcome {
        let captured = self.last.memory.map(|memory| &self.memories.get(memory).captured);
        let (found, values, last) = (&mut self.found, &mut self.values, &mut self.last);
        let set = |value, text: Option<&[u8]>| values.set(call.session, value, text);
        self.exchanges[call.step as usize].judge(end, elapsed_ns, captured, found, last, set)
    }

    /// Keeps what a response sets of cookies. Says why if it is more than can be kept.
    pub(super) fn keep_cookies(&mut self, call: Call, done_ns: u64) -> Option<&'static str> {
        self.cookies.as_ref()?;
        let now_s = self.unix_s(done_ns);
        let (jar, rules) = self.cookies.as_mut()?.of(call);
        let memory = self.sessions.get(call.session).memory?;
        let captured = &self.memories.get(memory).captured;
        let mut is_full = false;
        for header in captured.cookies() {
            is_full |= jar.set(header, rules, now_s).is_err();
        }
        match (is_full, captured.are_cookies_cut()) {
            (true, _) => Some(TOO_MANY_COOKIES),
            (false, true) => Some(COOKIES_CUT),
            (false, false) => None,
        }
    }

    /// What becomes of a response that leads elsewhere; nothing where it does not, or redirects are not followed.
    pub(super) fn lead(&mut self, call: Call, code: u16) -> Option<RedirectEnd> {
        let redirects = self.redirects.as_mut()?;
        let kept = self.sessions.get(call.session);
        let CallMemory { captured, filled, .. } = self.memories.get(kept.memory?);
        // Where none came, there was one perhaps that did not fit.
        let location = self.exchanges[call.step as usize].location(captured);
        if location.is_none() && !captured.are_headers_cut() {
            return None;
        }
        let (number, draws) = (kept.arrival.number, self.draws.after(kept.calls - 1));
        let end = redirects.lead((call.session, call.step), code, location, |path, out| {
            path.render_filled(number, draws, filled, out);
        });
        end.inspect(|&end| self.last.redirected(code, end))
    }

    /// Fills the hop of a session: its values are those of its request, but for cookies and where it goes.
    pub(super) fn fill_hop(&mut self, call: Call, now_s: i64) {
        let Some(redirects) = &self.redirects else { return };
        let memory =
            self.sessions.get(call.session).memory.expect("memory was taken for what may be redirected");
        let CallMemory { filled, hop, .. } = self.memories.at(memory);
        let cookies = &mut self.cookies;
        redirects.fill((call.session, call.step), filled, hop, |form, out| {
            if let Some(jars) = cookies {
                let (jar, rules) = jars.of(call);
                jar.set_path(redirects.path(call.session));
                jar.write(form, rules, now_s, out);
            }
        });
    }

    pub(super) fn is_hop(&self, session: u32) -> bool {
        self.redirects.as_ref().is_some_and(|redirects| redirects.is_hop(session))
    }

    /// What a request is filled with is put together, if its client may send it.
    pub(super) fn fill(&mut self, call: Call, now_ns: u64) -> Result<(), Unprepared> {
        let exchange = &self.exchanges[call.step as usize];
        let kept = self.sessions.get(call.session);
        if let Some(attempts) = &mut self.attempts {
            attempts.ask(call.session, kept.arrival.number, now_ns)?;
            // Each attempt sends the same bytes.
            if attempts.is_filled(call.session) {
                return Ok(());
            }
        }
        if exchange.holes.is_empty() {
            return Ok(());
        }
        let (user, iteration) = self.user_of(kept.arrival.number);
        let now_s = self.cookies.as_ref().map_or(0, |_| self.unix_s(now_ns));
        let context = HoleContext {
            number: kept.arrival.number,
            draws: self.draws.after(kept.calls - 1),
            iteration,
            user,
            unix_ns: self.unix_offset_ns.wrapping_add(now_ns),
            values: &|value| self.values.get(call.session, value),
        };
        let memory = kept.memory.expect("memory was taken for a request with holes");
        let filled = &mut self.memories.at(memory).filled;
        filled.clear();
        for hole in &exchange.holes {
            if let (Some(form), Some(jars)) = (hole.cookies(), &mut self.cookies) {
                // Where the request goes has been filled before: it stands in front of all fields.
                let (path, mut written) = (jars.path(call.step), 0);
                let mut out = Outbox::new(&mut self.scratch, &mut written);
                path.render_filled(context.number, context.draws, filled, &mut out);
                let (jar, rules) = jars.of(call);
                jar.set_path(&self.scratch[..written]);
                filled.push(|out| jar.write(form, rules, now_s, out));
                continue;
            }
            let result = filled.push_with(|out| hole.fill(&context, out));
            result.map_err(|unfilled| Unprepared { kind: Kind::Template, why: in_words(unfilled) })?;
        }
        if let Some(attempts) = &mut self.attempts {
            attempts.filled(call.session);
        }
        Ok(())
    }

    pub(super) fn user_of(&self, number: u64) -> (u64, u64) {
        self.users.map_or((number, 0), |users| (number % users, number / users))
    }
}
