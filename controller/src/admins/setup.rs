//! The first admin: while there is none, a one-time link that the start prints leads to a page that makes him. The link's
//! token is kept as its hash, so that a stolen database lets nobody in.

use sea_orm::DbErr;
use secrecy::SecretString;
use sha2::{Digest as _, Sha256};

use super::{AdminError, AdminForm, add_in, password, rules, store};
use crate::{app::App, audit::Actor, http::access::Role, ids};

/// Why the set-up cannot be finished.
#[derive(Debug, thiserror::Error)]
pub enum SetupError {
    #[error("there is an admin, or the link is another start's")]
    Closed,
    #[error("the admin is refused")]
    Admin(#[from] AdminError),
    #[error("database")]
    Db(#[from] DbErr),
}

/// Opens the set-up while there is no admin; the token belongs into `/setup/<token>`. Earlier links are void. Nothing:
/// there is an admin.
///
/// # Errors
/// The database's.
pub async fn open(app: &App) -> Result<Option<String>, DbErr> {
    let tx = app.db.begin().await?;
    if !store::list(&*tx).await?.is_empty() {
        return Ok(None);
    }
    let token = ids::token();
    store::set_setup_hash(&*tx, app.clock.now(), &hash(&token)).await?;
    tx.commit().await?;
    Ok(Some(token))
}

/// Does the link lead anywhere?
///
/// # Errors
/// The database's.
pub async fn is_open(app: &App, token: &str) -> Result<bool, DbErr> {
    let right = store::setup_hash(app.db.read()).await?.is_some_and(|kept| kept == hash(token));
    Ok(right && store::list(app.db.read()).await?.is_empty())
}

/// Makes the first admin, a super admin, and closes the set-up.
///
/// # Errors
/// [`SetupError`].
pub async fn finish(
    app: &App,
    token: &str,
    username: &str,
    password: &SecretString,
    ip: &str,
) -> Result<(), SetupError> {
    if !is_open(app, token).await? {
        return Err(SetupError::Closed);
    }
    let form = AdminForm {
        username: username.to_owned(),
        name: username.to_owned(),
        role: Role::SuperAdmin,
        site_ids: Vec::new(),
        grants: Vec::new(),
        password: Some(password.clone()),
        active: true,
    };
    rules::check(&form, true).map_err(AdminError::Refused)?;
    let hashed = password::hash(password.clone()).await.map_err(AdminError::Internal)?;
    let tx = app.db.begin().await?;
    // Again inside: of two who press at once one is late.
    if store::take_setup_hash(&*tx, &hash(token)).await? == 0 || !store::list(&*tx).await?.is_empty() {
        return Err(SetupError::Closed);
    }
    let actor = Actor { ip: ip.to_owned(), ..Actor::system("set-up") };
    add_in(&tx, app.clock.now(), &actor, &form, &hashed).await?;
    tx.commit().await?;
    Ok(())
}

fn hash(token: &str) -> String {
    hiji_shared::signed::hex(&Sha256::digest(token.as_bytes()))
}
