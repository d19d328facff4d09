//! Which images of an index: `--platform`, `--all-platforms`.

use clap::Args;
use imgctl::oci::Platform;

/// `--platform`, once.
#[derive(Debug, Args)]
pub(crate) struct PlatformFlags {
    /// The image for this platform, where there are several
    #[arg(long, value_name = "OS/ARCH[/VARIANT]", env = "IMGCTL_PLATFORM")]
    platform: Option<Platform>,
    #[command(flatten)]
    overrides: Overrides,
}

/// `--platform`, any number of times.
#[derive(Debug, Args)]
pub(crate) struct PlatformsFlags {
    /// Only the image for this platform; may be repeated or a comma list
    #[arg(long = "platform", value_name = "OS/ARCH[/VARIANT]", env = "IMGCTL_PLATFORM", value_delimiter = ',')]
    platforms: Vec<Platform>,
    #[command(flatten)]
    overrides: Overrides,
}

/// skopeo's way of naming a platform.
#[derive(Debug, Args)]
struct Overrides {
    #[arg(long, value_name = "OS", hide = true)]
    override_os: Option<String>,
    #[arg(long, value_name = "ARCH", hide = true)]
    override_arch: Option<String>,
    #[arg(long, value_name = "VARIANT", hide = true)]
    override_variant: Option<String>,
}

impl PlatformFlags {
    /// The platform that was asked for.
    pub(crate) fn platform(&self) -> Option<Platform> {
        self.platform.clone().or_else(|| self.overrides.platform())
    }
}

impl PlatformsFlags {
    /// The platforms that were asked for.
    pub(crate) fn platforms(&self) -> Vec<Platform> {
        let overridden = self.overrides.platform();
        self.platforms.iter().cloned().chain(overridden).collect()
    }
}

impl Overrides {
    fn platform(&self) -> Option<Platform> {
        let Self { override_os: os, override_arch: arch, override_variant: variant } = self;
        if os.is_none() && arch.is_none() && variant.is_none() {
            return None;
        }
        let mut platform = Platform::host();
        platform.os = os.clone().unwrap_or(platform.os);
        platform.architecture = arch.clone().unwrap_or(platform.architecture);
        platform.variant = variant.clone();
        Some(platform)
    }
}
