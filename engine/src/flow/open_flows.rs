//! The named flows that sessions are in: when each was entered, and what it came to when it is left.

use super::sessions::FlowSession;
use crate::record::{FlowPass, IterationEnd, LeftFlow};
use std::collections::VecDeque;

/// Of all sessions. As many of each may be open at a time as stand within each other in the program.
#[derive(Clone, Debug)]
pub(super) struct OpenFlows {
    deep: usize,
    /// How many each session is in, and which: the outermost first.
    depths: Vec<u8>,
    open: Vec<OpenFlow>,
    /// What nobody has been told of yet.
    passed: VecDeque<FlowPass>,
}

/// A named flow that a session is in.
#[derive(Clone, Copy, Debug, Default)]
struct OpenFlow {
    flow: usize,
    /// When its first request was intended, and how long the session had thought by then; nothing before that request is made.
    first: Option<FirstRequest>,
    has_failed: bool,
}

#[derive(Clone, Copy, Debug)]
struct FirstRequest {
    intended_ns: u64,
    thought_ns: u64,
}

impl OpenFlows {
    /// Nothing where no named flow is reported.
    pub(super) fn new(deep: usize) -> Option<Box<OpenFlows>> {
        assert!(deep <= usize::from(u8::MAX), "a plan's flows do not stand so deep within each other");
        let (depths, open, passed) = (Vec::new(), Vec::new(), VecDeque::new());
        (deep > 0).then(|| Box::new(OpenFlows { deep, depths, open, passed }))
    }

    /// A session begins, and is in none.
    pub(super) fn begin(&mut self, session: u32) {
        let session = session as usize;
        if self.depths.len() <= session {
            self.depths.resize(session + 1, 0);
            self.open.resize((session + 1) * self.deep, OpenFlow::default());
        }
        self.depths[session] = 0;
    }

    /// A session comes to a flow. It counts as entered with its first request.
    pub(super) fn enter(&mut self, session: u32, flow: usize) {
        let depth = &mut self.depths[session as usize];
        self.open[session as usize * self.deep + usize::from(*depth)] =
            OpenFlow { flow, ..OpenFlow::default() };
        *depth += 1;
    }

    /// A session makes a request, intended then: the first one of those flows in which it has made none.
    pub(super) fn call(&mut self, session: u32, intended_ns: u64, thought_ns: u64) {
        let range = self.range(session);
        // What stands in another flow was come to later, so what is outside of one that has a first request has one.
        let new = self.open[range].iter_mut().rev().take_while(|open| open.first.is_none());
        for open in new {
            open.first = Some(FirstRequest { intended_ns, thought_ns });
            self.passed.push_back(FlowPass { flow: open.flow, intended_ns, left: None });
        }
    }

    /// A request of a session has failed, and so have the flows that it stands in.
    pub(super) fn fail(&mut self, session: u32) {
        let range = self.range(session);
        self.open[range].iter_mut().for_each(|open| open.has_failed = true);
    }

    /// A session comes to the end of the innermost flow that it is in, at this moment.
    pub(super) fn leave(&mut self, session: u32, kept: &FlowSession, at_ns: u64) {
        let last = self.range(session).end - 1;
        self.depths[session as usize] -= 1;
        let OpenFlow { flow, first, has_failed } = self.open[last];
        let end = if has_failed { IterationEnd::Failed } else { IterationEnd::Ok };
        match first {
            Some(first) => self.left(flow, first, kept, end),
            // After a failure, what is not always done is passed over: it has not been entered.
            None if kept.is_stopping => {}
            None => {
                let left = LeftFlow { end, waited_ns: 0, lasted_ns: 0 };
                let pass = |left| FlowPass { flow, intended_ns: at_ns, left };
                self.passed.extend([pass(None), pass(Some(left))]);
            }
        }
    }

    /// A session has ended. What it is in still was cut off.
    pub(super) fn end(&mut self, session: u32, kept: &FlowSession) {
        for at in self.range(session).rev() {
            let OpenFlow { flow, first, .. } = self.open[at];
            if let Some(first) = first {
                self.left(flow, first, kept, IterationEnd::Unfinished);
            }
        }
        self.depths[session as usize] = 0;
    }

    /// The next flow that was entered or left.
    pub(super) fn next_passed(&mut self) -> Option<FlowPass> {
        self.passed.pop_front()
    }

    fn left(&mut self, flow: usize, first: FirstRequest, kept: &FlowSession, end: IterationEnd) {
        let FirstRequest { intended_ns, thought_ns } = first;
        let lasted_ns = kept.last_done_ns.saturating_sub(intended_ns);
        let thought_ns = kept.thought_before_last_ns.saturating_sub(thought_ns);
        let left = LeftFlow { end, waited_ns: lasted_ns.saturating_sub(thought_ns), lasted_ns };
        self.passed.push_back(FlowPass { flow, intended_ns, left: Some(left) });
    }

    fn range(&self, session: u32) -> std::ops::Range<usize> {
        let session = session as usize;
        let from = session * self.deep;
        from..from + usize::from(self.depths[session])
    }
}
