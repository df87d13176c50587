//! HAR files as browsers write them: what an import asks of them, borrowed from their text. All else is skipped.

use serde::Deserialize;
use serde_json::value::RawValue;
use std::borrow::Cow;

#[derive(Deserialize)]
pub(super) struct HarDocument<'a> {
    #[serde(borrow)]
    pub(super) log: HarLog<'a>,
}

#[derive(Deserialize)]
pub(super) struct HarLog<'a> {
    #[serde(borrow)]
    pub(super) entries: Vec<HarEntry<'a>>,
}

/// A request and its response.
#[derive(Deserialize)]
pub(super) struct HarEntry<'a> {
    #[serde(borrow, rename = "startedDateTime")]
    pub(super) started: Cow<'a, str>,
    /// How long it took, in milliseconds.
    pub(super) time: Option<f64>,
    #[serde(borrow)]
    pub(super) request: HarRequest<'a>,
    #[serde(borrow)]
    pub(super) response: HarResponse<'a>,
    #[serde(borrow, rename = "_resourceType", default)]
    pub(super) resource_type: Cow<'a, str>,
    /// Where it was taken from instead of the server.
    #[serde(borrow, rename = "_fromCache", default)]
    pub(super) cache: Option<&'a RawValue>,
}

#[derive(Deserialize)]
pub(super) struct HarRequest<'a> {
    #[serde(borrow)]
    pub(super) method: Cow<'a, str>,
    #[serde(borrow)]
    pub(super) url: Cow<'a, str>,
    #[serde(borrow, default)]
    pub(super) headers: Vec<HarHeader<'a>>,
    #[serde(borrow, rename = "postData", default)]
    pub(super) data: Option<HarData<'a>>,
}

#[derive(Clone, Deserialize)]
pub(super) struct HarHeader<'a> {
    #[serde(borrow)]
    pub(super) name: Cow<'a, str>,
    #[serde(borrow, default)]
    pub(super) value: Cow<'a, str>,
}

#[derive(Deserialize)]
pub(super) struct HarData<'a> {
    #[serde(borrow, rename = "mimeType", default)]
    pub(super) mime: Cow<'a, str>,
    /// As it stands in the file, so that it is only unescaped if it is used.
    #[serde(borrow, default)]
    pub(super) text: Option<&'a RawValue>,
    #[serde(borrow, default)]
    pub(super) params: Vec<HarParam<'a>>,
}

#[derive(Clone, Deserialize)]
pub(super) struct HarParam<'a> {
    #[serde(borrow, default)]
    pub(super) name: Cow<'a, str>,
    #[serde(borrow, default)]
    pub(super) value: Cow<'a, str>,
    #[serde(rename = "fileName", default)]
    pub(super) file: Option<String>,
}

#[derive(Deserialize)]
pub(super) struct HarResponse<'a> {
    #[serde(default)]
    pub(super) status: i64,
    #[serde(borrow, default)]
    pub(super) headers: Vec<HarHeader<'a>>,
    #[serde(borrow, default)]
    pub(super) content: HarContent<'a>,
}

#[derive(Default, Deserialize)]
pub(super) struct HarContent<'a> {
    #[serde(borrow, rename = "mimeType", default)]
    pub(super) mime: Cow<'a, str>,
    #[serde(borrow, default)]
    pub(super) text: Option<&'a RawValue>,
    #[serde(borrow, default)]
    pub(super) encoding: Cow<'a, str>,
}
