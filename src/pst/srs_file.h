// The bytes of an SRS file: a header page and the levels' points, each from a page boundary on.
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "assay/pst.h"

namespace assay::pst::internal {

inline constexpr std::size_t kSrsPage = 4096;

/// Where the levels 0..m-1 lie, and where the file ends.
struct SrsLayout {
  std::vector<std::uint64_t> offsets;
  std::uint64_t file_size;
};
[[nodiscard]] SrsLayout srs_layout(const Axes& axes);

/// The header page, kSrsPage bytes.
[[nodiscard]] Bytes encode_srs_header(const VerifierKey& key);

/// Reads the header page of a whole SRS file, and checks the file's length and that all padding is zero. The
/// points are not looked at. Errors: kMalformed, kUnsupported, and those of VerifierKey::decode.
[[nodiscard]] Result<VerifierKey> parse_srs_file(ByteSpan file, std::string_view place);

}  // namespace assay::pst::internal
