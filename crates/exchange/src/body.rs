//! JSON bodies in the order they are sent.

use std::borrow::Cow;

use crate::Json;

/// The members of a JSON object.
#[derive(Debug, Default)]
pub(crate) struct Body(Vec<(Cow<'static, str>, Json<'static>)>);

impl Body {
    /// Adds a string.
    pub(crate) fn text(&mut self, name: &'static str, value: impl Into<String>) {
        self.0.push((name.into(), Json::Text(Cow::Owned(value.into()))));
    }

    /// Adds a string if there is one.
    pub(crate) fn some_text(&mut self, name: &'static str, value: Option<impl Into<String>>) {
        if let Some(value) = value {
            self.text(name, value);
        }
    }

    /// Adds a number or a boolean.
    pub(crate) fn value(&mut self, name: &'static str, value: Json<'static>) {
        self.0.push((name.into(), value));
    }

    /// Returns the object.
    pub(crate) fn into_json(self) -> Json<'static> {
        Json::Map(self.0)
    }
}
