//! Parameters of a path. A text that cannot be an id names nothing: 404, as for an id that is nobody's.

use axum::{
    extract::{FromRequestParts, Path as Raw},
    http::request::Parts,
};
use serde::de::DeserializeOwned;

use super::error::AppError;

/// The parameters of a path.
#[derive(Debug, Clone, Copy)]
pub struct Path<T>(pub T);

impl<T: DeserializeOwned + Send, S: Send + Sync> FromRequestParts<S> for Path<T> {
    type Rejection = AppError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, AppError> {
        let found = Raw::<T>::from_request_parts(parts, state).await;
        found.map(|Raw(value)| Self(value)).map_err(|_no_id| AppError::NotFound)
    }
}
