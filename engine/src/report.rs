//! stub
#![allow(missing_docs)]
pub struct Report;
