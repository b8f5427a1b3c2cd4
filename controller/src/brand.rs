//! The name on every page: the operator's company, kept at hand so that no page has to ask for it.

use std::sync::{Arc, PoisonError, RwLock};

/// The company's name as last loaded or saved by this process. Clones share it.
#[derive(Debug, Clone)]
pub struct Brand(Arc<RwLock<Arc<str>>>);

impl Default for Brand {
    fn default() -> Self {
        Self(Arc::new(RwLock::new("hiji".into())))
    }
}

impl Brand {
    /// The name.
    #[must_use]
    pub fn name(&self) -> Arc<str> {
        Arc::clone(&self.0.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Shows another name from now on.
    pub fn set(&self, name: &str) {
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = name.into();
    }
}
