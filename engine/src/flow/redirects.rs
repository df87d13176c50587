//! Redirects that sessions follow: where a response leads, and what is sent there.
//!
//! A hop is no request of its own: it has the values of the request that it is of, which are filled in once. Its form is made beforehand, with a hole
//! for where it goes, either with the method and body of its request or without.

use crate::outbox::Outbox;
use crate::random::Draws;
use crate::record::RedirectEnd;
use crate::redirect::{RedirectTarget, WrongLocation};
use crate::template::{CookieForm, FilledValues, Hole, HoleSource, Template};

/// How redirects of the responses to a step are followed.
#[derive(Clone, Debug)]
pub struct RedirectForms {
    /// As many, one after the other.
    pub hops_max: u32,
    /// The method of its requests.
    pub method: String,
    /// The target on which they are followed.
    pub target: RedirectTarget,
    /// The path of its requests, with their query.
    pub path: Template,
    /// What is sent where method and body stay as they were: its values are those of the request, but those of its path.
    pub kept: Template,
    /// What is sent where the request becomes one that asks alone, without a body: its values are those of `kept`, or fewer.
    pub asking: Template,
}

/// The redirects that the sessions of a scenario follow.
#[derive(Clone, Debug)]
pub(super) struct FollowedRedirects {
    steps: Vec<Option<RedirectStep>>,
    of_sessions: Vec<SessionHops>,
    /// Where the request goes that the first redirect answers.
    from: Vec<u8>,
    /// Where a redirect leads.
    resolved: Vec<u8>,
}

/// A step whose redirects are followed.
#[derive(Clone, Debug)]
struct RedirectStep {
    hops_max: u32,
    is_post: bool,
    target: RedirectTarget,
    path: Template,
    kept: HopForm,
    asking: HopForm,
}

/// What is sent of a hop.
#[derive(Clone, Debug)]
struct HopForm {
    template: Template,
    texts: Vec<HopText>,
}

/// What stands in a hole of a hop.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum HopText {
    Location,
    Cookies(CookieForm),
    /// What the hole with this number of the request has become.
    Filled(usize),
}

/// The hops of a session's request.
#[derive(Clone, Debug, Default)]
struct SessionHops {
    /// Those that have begun.
    begun: u32,
    /// The next one is due, and has not begun.
    is_next: bool,
    /// It asks alone, and so do all that follow.
    is_asking: bool,
    /// Where it goes.
    path: Vec<u8>,
}

impl FollowedRedirects {
    /// Of steps that have such forms, whose requests have these templates; nothing where none has.
    pub(super) fn new<'a>(
        forms: Vec<Option<RedirectForms>>,
        requests: impl Iterator<Item = &'a Template>,
    ) -> Option<Box<FollowedRedirects>> {
        let step = |(forms, request): (Option<RedirectForms>, &Template)| {
            let RedirectForms { hops_max, method, target, path, kept, asking } = forms?;
            let of_request: Vec<&Hole> = request.holes().collect();
            let numbers = numbers_from_behind(&of_request, kept.holes().collect());
            let of_kept: Vec<(&Hole, HopText)> = kept.holes().zip(numbers.iter().copied()).collect();
            let asked = texts_from_the_front(&of_kept, asking.holes());
            let (kept, asking) = (
                HopForm { template: kept.clone(), texts: numbers },
                HopForm { template: asking.clone(), texts: asked },
            );
            Some(RedirectStep { hops_max, is_post: method == "POST", target, path, kept, asking })
        };
        let steps: Vec<Option<RedirectStep>> = forms.into_iter().zip(requests).map(step).collect();
        let path_bytes_max = steps.iter().flatten().map(|step| step.path.bytes_max()).max()?;
        Some(Box::new(FollowedRedirects {
            steps,
            of_sessions: Vec::new(),
            from: vec![0; path_bytes_max],
            resolved: Vec::new(),
        }))
    }

    /// The most bytes that a hop of a step has; nothing where none is followed.
    pub(super) fn bytes_max(&self, step: usize) -> Option<usize> {
        let step = self.steps[step].as_ref()?;
        Some(step.kept.template.bytes_max().max(step.asking.template.bytes_max()))
    }

    /// A session begins.
    pub(super) fn begin(&mut self, session: u32) {
        if self.of_sessions.len() <= session as usize {
            self.of_sessions.resize_with(session as usize + 1, SessionHops::default);
        }
        let hops = &mut self.of_sessions[session as usize];
        (hops.begun, hops.is_next, hops.is_asking) = (0, false, false);
    }

    /// A request of a session comes to its turn, or a hop of it.
    pub(super) fn call(&mut self, session: u32) {
        let hops = &mut self.of_sessions[session as usize];
        if !std::mem::take(&mut hops.is_next) {
            (hops.begun, hops.is_asking) = (0, false);
        }
    }

    /// Whether what a session sends is a hop.
    pub(super) fn is_hop(&self, session: u32) -> bool {
        self.of_sessions[session as usize].begun > 0
    }

    /// Where a session's hop goes.
    pub(super) fn path(&self, session: u32) -> &[u8] {
        &self.of_sessions[session as usize].path
    }

    /// The hop that is due is not sent.
    pub(super) fn give_up(&mut self, session: u32) {
        self.of_sessions[session as usize].is_next = false;
    }

    /// What becomes of a response with this status that says where it leads; nothing where it is no redirect. Without a location, it said more
    /// than is kept. `write_path` writes where the
    /// request went, by the template of its path.
    pub(super) fn lead(
        &mut self,
        (session, step): (u32, u32),
        code: u16,
        location: Option<&[u8]>,
        write_path: impl FnOnce(&Template, &mut Outbox<'_>),
    ) -> Option<RedirectEnd> {
        let step = self.steps[step as usize].as_ref()?;
        if !matches!(code, 301 | 302 | 303 | 307 | 308) {
            return None;
        }
        let hops = &mut self.of_sessions[session as usize];
        if hops.begun >= step.hops_max {
            return Some(RedirectEnd::OverLimit);
        }
        let Some(location) = location else { return Some(RedirectEnd::Unusable) };
        let from = if hops.begun > 0 {
            &hops.path[..]
        } else {
            let mut written = 0;
            write_path(&step.path, &mut Outbox::new(&mut self.from, &mut written));
            &self.from[..written]
        };
        if let Err(wrong) = step.target.resolve(location, from, &mut self.resolved) {
            return Some(match wrong {
                WrongLocation::Elsewhere => RedirectEnd::Elsewhere,
                WrongLocation::Unusable => RedirectEnd::Unusable,
            });
        }
        std::mem::swap(&mut hops.path, &mut self.resolved);
        // A form that was sent is not sent again, which browsers do not do either (RFC 9110, section 15.4).
        hops.is_asking |= code == 303 || (step.is_post && matches!(code, 301 | 302));
        (hops.begun, hops.is_next) = (hops.begun + 1, true);
        Some(RedirectEnd::Followed)
    }

    fn form(&self, session: u32, step: u32) -> &HopForm {
        let step =
            self.steps[step as usize].as_ref().expect("hops are of steps whose redirects are followed");
        if self.of_sessions[session as usize].is_asking { &step.asking } else { &step.kept }
    }

    /// Fills a session's hop, given what its request was filled with.
    pub(super) fn fill(
        &self,
        (session, step): (u32, u32),
        of_request: &FilledValues,
        hop: &mut FilledValues,
        mut write_cookies: impl FnMut(CookieForm, &mut Vec<u8>),
    ) {
        hop.clear();
        for text in &self.form(session, step).texts {
            hop.push(|out| match *text {
                HopText::Location => out.extend_from_slice(self.path(session)),
                HopText::Cookies(form) => write_cookies(form, out),
                HopText::Filled(number) => {
                    out.extend_from_slice(
                        of_request.get(number).expect("the request was filled before its hops"),
                    );
                }
            });
        }
    }

    /// Appends a session's hop, of the arrival with this number.
    pub(super) fn render(
        &self,
        (session, step): (u32, u32),
        number: u64,
        draws: Draws,
        hop: &FilledValues,
        out: &mut Outbox<'_>,
    ) {
        self.form(session, step).template.render_filled(number, draws, hop, out);
    }
}

/// What stands in a hole that is the hop's own.
fn own_text(hole: &Hole) -> Option<HopText> {
    match hole.source {
        HoleSource::Location => Some(HopText::Location),
        HoleSource::Cookies(form) => Some(HopText::Cookies(form)),
        _ => None,
    }
}

/// What stands in the holes of a hop that lacks those of the path alone, which come first: found from behind.
fn numbers_from_behind(of_request: &[&Hole], of_hop: Vec<&Hole>) -> Vec<HopText> {
    let mut at = of_request.len();
    let text = |hole: &Hole| {
        own_text(hole).unwrap_or_else(|| {
            at = of_request[..at]
                .iter()
                .rposition(|other| *other == hole)
                .expect("a hop has no values of its own");
            HopText::Filled(at)
        })
    };
    let mut texts: Vec<HopText> = of_hop.into_iter().rev().map(text).collect();
    texts.reverse();
    texts
}

/// What stands in the holes of a hop that lacks some others, most of which come last: found from the front.
fn texts_from_the_front<'a>(
    of_kept: &[(&Hole, HopText)],
    of_hop: impl Iterator<Item = &'a Hole>,
) -> Vec<HopText> {
    let mut from = 0;
    let text = |hole: &Hole| {
        let found = of_kept[from..].iter().position(|(other, _)| *other == hole);
        from += found.expect("a hop has no values of its own") + 1;
        of_kept[from - 1].1
    };
    of_hop.map(text).collect()
}

#[cfg(test)]
mod tests;
