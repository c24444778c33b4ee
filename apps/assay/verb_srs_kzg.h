// What `assay srs` does for the scheme kzg.
#pragma once

#include <cstdint>
#include <string>

#include "console.h"

namespace assay::cli {

/// Makes the dev SRS, and the verifier's part beside it.
Result<int> run_kzg_dev(unsigned log_size, std::uint64_t seed, const std::string& out,
                        const Console& console);

/// Shows that an SRS is well formed; writes its verifier's part to `vk` unless that is empty.
Result<int> run_kzg_verify(const std::string& srs, const std::string& vk, const Console& console);

}  // namespace assay::cli
