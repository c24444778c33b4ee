// The bytes of an SRS file: a header page and the levels' points, each from a page boundary on.
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "assay/pst.h"

namespace assay::pst::internal {

inline constexpr std::size_t kSrsPage = 4096;
inline constexpr std::string_view kKeyMagic("ASSAYVK\0", 8);  ///< of a verifier's part in a file of its own

/// Where the levels 0..m-1 lie, and where the file ends. Those before `first_level` are not there, and lie at
/// 0.
struct SrsLayout {
  std::vector<std::uint64_t> offsets;
  std::uint64_t file_size;
};
[[nodiscard]] SrsLayout srs_layout(const Axes& axes, std::size_t first_level = 0);

/// The header page, kSrsPage bytes.
[[nodiscard]] Bytes encode_srs_header(const VerifierKey& key, std::size_t first_level = 0);

/// Makes the SRS of these secrets, one per axis, straight into a file, in blocks. Errors: kIo.
[[nodiscard]] Status write_srs(const Axes& axes, std::span<const Fr> secrets,
                               const std::filesystem::path& path);

/// What the header page says.
struct SrsHeader {
  VerifierKey key;
  std::size_t first_level = 0;
};

/// Whether a file begins as an SRS file does, whole or without its first levels.
[[nodiscard]] bool is_srs_file(ByteSpan file);

/// Reads the header page of a whole SRS file, and checks the file's length and that all padding is zero. The
/// points are not looked at. Errors: kMalformed, kUnsupported, kOutOfRange (first level), and those of
/// VerifierKey::decode.
[[nodiscard]] Result<SrsHeader> parse_srs_file(ByteSpan file, std::string_view place);

}  // namespace assay::pst::internal
