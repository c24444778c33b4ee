// The bytes of a kept tree's file beside its records: the header, and the journal of a change under way.
#pragma once

#include <optional>
#include <span>
#include <vector>

#include "assay/tree.h"

namespace assay::tree::internal {

inline constexpr std::size_t kHeaderBytes = 512;

/// The public part with tag, padding and checksum: kHeaderBytes.
[[nodiscard]] Bytes encode_header(const Root& root);
/// Errors: kMalformed (length, tag, checksum, padding), kUnsupported (version), those of Root::decode.
[[nodiscard]] Result<Root> decode_header(ByteSpan bytes, std::string_view place);

/// Bytes that a change puts in place of others, counted from the file's first one.
struct Patch {
  std::uint64_t offset = 0;
  Bytes bytes;
  friend bool operator==(const Patch&, const Patch&) = default;
};

struct Journal {
  std::uint64_t end = 0;  ///< of the file when the change is made, and where the journal begins
  std::vector<Patch> patches;

  [[nodiscard]] Bytes encode() const;
  friend bool operator==(const Journal&, const Journal&) = default;
};

/// The journal that a file ends with, or none: bytes that end in another way, or whose checksum is another,
/// are of a journal that was not finished.
[[nodiscard]] std::optional<Journal> find_journal(ByteSpan file);

}  // namespace assay::tree::internal
