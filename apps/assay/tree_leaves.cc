#include "tree_leaves.h"

#include <fmt/format.h>

#include <charconv>
#include <cstdint>

#include "assay/claim.h"
#include "base/try.h"

namespace assay::cli {
namespace {

using tree::LeafKind;

Error out_of_range(std::string_view place, LeafKind kind) {
  return {ErrorCode::kOutOfRange, std::string(place), fmt::format("not in the range of {}", to_string(kind))};
}

template <class T>
Result<T> parse_number(std::string_view text, LeafKind kind) {
  T out = 0;
  const auto [end, fault] = std::from_chars(text.data(), text.data() + text.size(), out);
  if (fault == std::errc::result_out_of_range) return out_of_range("--value", kind);
  if (fault != std::errc() || end != text.data() + text.size())
    return Error{ErrorCode::kMalformed, "--value", fmt::format("'{}' is no {}", text, to_string(kind))};
  return out;
}

/// Whether a view of 64-bit integers can be used where it lies.
bool is_aligned(ByteSpan bytes) {
  return reinterpret_cast<std::uintptr_t>(bytes.data()) % alignof(std::uint64_t) == 0;
}

}  // namespace

Result<TreeLeaves> TreeLeaves::read_values(const std::string& path, LeafKind kind) {
  TreeLeaves out(kind);
  const tensor::TensorFile file = ASSAY_TRY(tensor::open(path));
  const tensor::TensorView* const array = file.tensors.size() == 1 ? file.tensors.data() : nullptr;
  const bool in_place = array != nullptr && is_aligned(array->bytes) &&
                        ((kind == LeafKind::kU64 && array->dtype == tensor::Dtype::kU64) ||
                         (kind == LeafKind::kI64 && array->dtype == tensor::Dtype::kI64));
  if (in_place) {
    out.mapped_ = *array;
    return out;
  }
  if (kind == LeafKind::kBytes) {
    if (array == nullptr || array->dtype != tensor::Dtype::kU8 || array->shape.size() != 2)
      return Error{ErrorCode::kUnsupported, path, "byte leaves are rows of an array of uint8"};
    ASSAY_TRY(out.take_rows(*array, path));
  } else {
    ASSAY_TRY(out.take_integers(path));
  }
  return out;
}

Status TreeLeaves::take_rows(const tensor::TensorView& array, const std::string& path) {
  const std::uint64_t size = array.shape[1];
  if (size == 0 && array.shape[0] > 0)
    return Error{ErrorCode::kUnsupported, path, "rows of no bytes: the array does not say how many"};
  mapped_ = array;
  spans_.reserve(array.shape[0]);
  for (std::uint64_t i = 0; i < array.shape[0]; ++i) spans_.push_back(array.bytes.subspan(i * size, size));
  return {};
}

Status TreeLeaves::take_integers(const std::string& path) {
  const tensor::IntegerTensor integers = ASSAY_TRY(tensor::open_integers(path, kind_ == LeafKind::kField));
  const IntegerView& values = integers.values.view();
  for (std::size_t i = 0; i < values.size(); ++i) {
    const Scalar value = values[i];
    const Scalar magnitude = value.magnitude();
    const bool negative = value.is_negative();
    if (kind_ == LeafKind::kField) {
      field_.push_back(value);
    } else if (kind_ == LeafKind::kU64) {
      if (negative || magnitude.bit_width() > 64) return out_of_range(fmt::format("{}: {}", path, i), kind_);
      u64_.push_back(magnitude.words[0]);
    } else {
      if (magnitude.bit_width() > 63 && !(negative && magnitude == Scalar::from_u64(std::uint64_t{1} << 63)))
        return out_of_range(fmt::format("{}: {}", path, i), kind_);
      i64_.push_back(static_cast<std::int64_t>(negative ? 0 - magnitude.words[0] : magnitude.words[0]));
    }
  }
  return {};
}

Result<TreeLeaves> TreeLeaves::read_commitments(const std::vector<std::string>& paths) {
  TreeLeaves out(LeafKind::kBytes);
  for (const std::string& path : paths) {
    const Digest digest = ASSAY_TRY(claim::Commitment::read(path)).digest();
    out.strings_.emplace_back(digest.begin(), digest.end());
  }
  out.spans_.assign(out.strings_.begin(), out.strings_.end());
  return out;
}

Result<TreeLeaves> TreeLeaves::parse(const std::vector<std::string>& texts, LeafKind kind) {
  TreeLeaves out(kind);
  for (const std::string& text : texts) {
    switch (kind) {
      case LeafKind::kU64:
        out.u64_.push_back(ASSAY_TRY(parse_number<std::uint64_t>(text, kind)));
        break;
      case LeafKind::kI64:
        out.i64_.push_back(ASSAY_TRY(parse_number<std::int64_t>(text, kind)));
        break;
      case LeafKind::kField:
        out.field_.push_back(ASSAY_TRY(Scalar::from_decimal(text, "--value")));
        break;
      case LeafKind::kBytes:
        out.strings_.push_back(ASSAY_TRY(from_hex(text, "--value")));
        break;
    }
  }
  out.spans_.assign(out.strings_.begin(), out.strings_.end());
  return out;
}

tree::Leaves TreeLeaves::view() const {
  const std::size_t words = mapped_.bytes.size() / sizeof(std::uint64_t);
  switch (kind_) {
    case LeafKind::kU64:
      if (!mapped_.bytes.empty())
        return std::span(reinterpret_cast<const std::uint64_t*>(mapped_.bytes.data()), words);
      return u64_;
    case LeafKind::kI64:
      if (!mapped_.bytes.empty())
        return std::span(reinterpret_cast<const std::int64_t*>(mapped_.bytes.data()), words);
      return i64_;
    case LeafKind::kField:
      return field_;
    case LeafKind::kBytes:
      break;
  }
  return std::span<const ByteSpan>(spans_);
}

}  // namespace assay::cli
