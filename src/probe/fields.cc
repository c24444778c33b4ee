#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "base/utf8.h"
#include "probe/sources.h"

namespace assay::probe::internal {

Result<float> float_of(const JsonValue& value) {
  const double number = ASSAY_TRY(value.real());
  const auto nearest = static_cast<float>(number);
  if (!std::isfinite(nearest))
    return value.error(ErrorCode::kOutOfRange, fmt::format("{} is beyond the floats", number));
  return nearest;
}

Result<Digest> digest_of(const JsonValue& value) {
  Digest digest{};
  std::ranges::copy(ASSAY_TRY(value.hex(digest.size())), digest.begin());
  return digest;
}

Result<std::optional<Digest>> optional_digest_of(const JsonValue& value) {
  if (value.is_null()) return std::optional<Digest>();
  return std::optional(ASSAY_TRY(digest_of(value)));
}

Status check_text(std::string_view text, std::size_t most, std::string_view field) {
  if (text.size() > most)
    return Error{ErrorCode::kTooLarge, std::string(field),
                 fmt::format("{} bytes, at most {} are taken", text.size(), most)};
  if (text.empty()) return Error{ErrorCode::kMalformed, std::string(field), "it is empty"};
  if (!is_valid_utf8(text)) return Error{ErrorCode::kMalformed, std::string(field), "it is not UTF-8"};
  return {};
}

}  // namespace assay::probe::internal
