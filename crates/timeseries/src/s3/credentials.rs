//! Who we are to S3.

use std::fmt;

use object_store::aws::{AmazonS3Builder, AmazonS3ConfigKey};

/// A text that is never shown.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// Hides a text.
    #[must_use]
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(...)")
    }
}

/// Where the keys that sign requests come from.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum S3Credentials {
    /// Keys as they are.
    Keys {
        /// Names the keys; no secret by itself, but hidden all the same.
        access_key_id: Secret,
        /// Signs.
        secret_access_key: Secret,
        /// Belongs to keys that expire.
        session_token: Option<Secret>,
    },
    /// A role taken with the token in a file, as in Kubernetes and CI.
    WebIdentity {
        /// File of the token.
        token_file: String,
        /// The role.
        role_arn: String,
        /// Shows in the audit log; has a default.
        session_name: Option<String>,
        /// The token service; that of the region by default.
        sts_endpoint: Option<String>,
    },
    /// The role of an ECS task.
    Container {
        /// Path below the address that every task has.
        relative_uri: String,
    },
    /// The role of an EKS pod.
    Pod {
        /// Where credentials are served.
        full_uri: String,
        /// File of the token that this takes.
        token_file: String,
    },
    /// The role of an EC2 machine.
    Instance,
}

impl S3Credentials {
    /// Reads the names that Amazon's own programs read, in their order: `AWS_ACCESS_KEY_ID` and
    /// `AWS_SECRET_ACCESS_KEY` (with `AWS_SESSION_TOKEN`), `AWS_WEB_IDENTITY_TOKEN_FILE` and `AWS_ROLE_ARN`
    /// (with `AWS_ROLE_SESSION_NAME`, `AWS_ENDPOINT_URL_STS`), `AWS_CONTAINER_CREDENTIALS_RELATIVE_URI`,
    /// `AWS_CONTAINER_CREDENTIALS_FULL_URI` and `AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE`, and else the machine's
    /// role unless `AWS_EC2_METADATA_DISABLED` is `true`. An empty value is none. Profiles (`~/.aws`) are not read.
    ///
    /// # Errors
    /// A text that names the missing variable.
    pub(crate) fn from_env(env: &dyn Fn(&str) -> Option<String>) -> Result<Self, String> {
        let var = |name: &str| env(name).filter(|value| !value.is_empty());
        let pair = |one: &str, other: &str| match (var(one), var(other)) {
            (Some(one), Some(other)) => Ok(Some((one, other))),
            (None, None) => Ok(None),
            (Some(_), None) => Err(format!("{one} is set and {other} is not; set both or neither")),
            (None, Some(_)) => Err(format!("{other} is set and {one} is not; set both or neither")),
        };
        if let Some((key_id, secret)) = pair("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY")? {
            return Ok(Self::Keys {
                access_key_id: Secret(key_id),
                secret_access_key: Secret(secret),
                session_token: var("AWS_SESSION_TOKEN").map(Secret),
            });
        }
        // A role's name may stand alone, for programs that take it in other ways.
        if let (Some(token_file), Some(role_arn)) = (var("AWS_WEB_IDENTITY_TOKEN_FILE"), var("AWS_ROLE_ARN"))
        {
            return Ok(Self::WebIdentity {
                token_file,
                role_arn,
                session_name: var("AWS_ROLE_SESSION_NAME"),
                sts_endpoint: var("AWS_ENDPOINT_URL_STS"),
            });
        }
        if let Some(relative_uri) = var("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI") {
            return Ok(Self::Container { relative_uri });
        }
        let pod = pair("AWS_CONTAINER_CREDENTIALS_FULL_URI", "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE")?;
        if let Some((full_uri, token_file)) = pod {
            return Ok(Self::Pod { full_uri, token_file });
        }
        if var("AWS_EC2_METADATA_DISABLED").is_some_and(|value| value.eq_ignore_ascii_case("true")) {
            return Err("no credentials: set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY \
                        (`aws configure export-credentials --format env` prints those of a profile)"
                .to_owned());
        }
        Ok(Self::Instance)
    }

    /// Hands the credentials to object_store.
    pub(super) fn apply(&self, builder: AmazonS3Builder) -> AmazonS3Builder {
        use AmazonS3ConfigKey as Key;
        let set = |builder: AmazonS3Builder, key, value: &Option<String>| match value {
            Some(value) => builder.with_config(key, value),
            None => builder,
        };
        match self {
            Self::Keys { access_key_id, secret_access_key, session_token } => {
                let builder =
                    builder.with_access_key_id(&access_key_id.0).with_secret_access_key(&secret_access_key.0);
                set(builder, Key::Token, &session_token.as_ref().map(|token| token.0.clone()))
            }
            Self::WebIdentity { token_file, role_arn, session_name, sts_endpoint } => {
                let builder = builder
                    .with_config(Key::WebIdentityTokenFile, token_file)
                    .with_config(Key::RoleArn, role_arn);
                let builder = set(builder, Key::RoleSessionName, session_name);
                set(builder, Key::StsEndpoint, sts_endpoint)
            }
            Self::Container { relative_uri } => {
                builder.with_config(Key::ContainerCredentialsRelativeUri, relative_uri)
            }
            Self::Pod { full_uri, token_file } => builder
                .with_config(Key::ContainerCredentialsFullUri, full_uri)
                .with_config(Key::ContainerAuthorizationTokenFile, token_file),
            Self::Instance => builder,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(vars: &[(&str, &str)]) -> Result<S3Credentials, String> {
        S3Credentials::from_env(&|name| {
            vars.iter().find(|(var, _)| *var == name).map(|(_, value)| (*value).to_owned())
        })
    }

    #[test]
    fn keys_come_before_roles() {
        let keys = [("AWS_ACCESS_KEY_ID", "AKIA"), ("AWS_SECRET_ACCESS_KEY", "hush")];
        let task = ("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", "/v2/x");
        let found = read(&[keys[0], keys[1], ("AWS_SESSION_TOKEN", ""), task]).unwrap();
        assert!(matches!(found, S3Credentials::Keys { session_token: None, .. }));
        assert_eq!(read(&[task]).unwrap(), S3Credentials::Container { relative_uri: "/v2/x".to_owned() });
        assert!(matches!(
            read(&[("AWS_WEB_IDENTITY_TOKEN_FILE", "/t"), ("AWS_ROLE_ARN", "arn"), task]).unwrap(),
            S3Credentials::WebIdentity { session_name: None, .. }
        ));
        assert!(matches!(
            read(&[
                ("AWS_CONTAINER_CREDENTIALS_FULL_URI", "http://169.254.170.23/v1"),
                ("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE", "/t"),
            ])
            .unwrap(),
            S3Credentials::Pod { .. }
        ));
        assert_eq!(read(&[]).unwrap(), S3Credentials::Instance);
    }

    #[test]
    fn the_missing_variable_is_named() {
        let error = read(&[("AWS_SECRET_ACCESS_KEY", "hush")]).unwrap_err();
        assert_eq!(error, "AWS_SECRET_ACCESS_KEY is set and AWS_ACCESS_KEY_ID is not; set both or neither");
        let error = read(&[("AWS_EC2_METADATA_DISABLED", "true")]).unwrap_err();
        assert!(error.starts_with("no credentials: set AWS_ACCESS_KEY_ID"), "{error}");
    }

    #[test]
    fn secrets_do_not_show() {
        let vars =
            [("AWS_ACCESS_KEY_ID", "AKIAX"), ("AWS_SECRET_ACCESS_KEY", "hush"), ("AWS_SESSION_TOKEN", "tok")];
        let shown = format!("{:?}", read(&vars).unwrap());
        assert!(["AKIAX", "hush", "tok\""].iter().all(|secret| !shown.contains(secret)), "{shown}");
    }
}
