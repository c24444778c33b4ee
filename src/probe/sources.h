// The parsers behind files, on plain bytes, for tests and fuzzing; numbers of the original's JSON.
#pragma once

#include "assay/probe.h"
#include "base/json_fields.h"
#include "tensor/source.h"

namespace assay::probe::internal {

inline constexpr std::uint64_t kMaxLabelBytes = std::uint64_t{1} << 28;  ///< of a file of labels
inline constexpr std::uint32_t kMaxTokenId = (std::uint32_t{1} << 31) - 1;

[[nodiscard]] Result<Activations> parse_activations(const tensor::Source& source);
[[nodiscard]] Result<Unembedding> parse_unembedding(const tensor::Source& source);

/// The float nearest to a number. Errors: kMalformed; kOutOfRange (beyond the floats).
[[nodiscard]] Result<float> float_of(const JsonValue& value);

/// A digest as 64 hexadecimal digits, or null.
[[nodiscard]] Result<Digest> digest_of(const JsonValue& value);
[[nodiscard]] Result<std::optional<Digest>> optional_digest_of(const JsonValue& value);

/// UTF-8 of at least one byte and at most `most`.
[[nodiscard]] Status check_text(std::string_view text, std::size_t most, std::string_view field);

}  // namespace assay::probe::internal
