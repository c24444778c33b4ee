// Keys in files: PEM, or the original's 32 bytes.
#pragma once

#include <filesystem>

#include "base/signature.h"

namespace assay::probe::internal {

/// Errors: as read_signing_key of base; kMalformed (neither PEM nor 32 bytes).
[[nodiscard]] Result<SigningKey> read_secret_key(const std::filesystem::path& path);

}  // namespace assay::probe::internal
