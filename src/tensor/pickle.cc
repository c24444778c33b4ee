#include "tensor/pickle.h"

#include <bit>

#include "base/check.h"
#include "tensor/load.h"

namespace assay::tensor {

double Pickle::real(Id id) const { return std::bit_cast<double>(nodes_[id].payload); }

std::string_view Pickle::text(Id id) const {
  const ByteSpan span = raw(id);
  return {reinterpret_cast<const char*>(span.data()), span.size()};
}

ByteSpan Pickle::raw(Id id) const { return bytes_.subspan(nodes_[id].payload, nodes_[id].length); }

std::span<const Pickle::Id> Pickle::children(Id id) const {
  ASSAY_CHECK_LT(nodes_[id].payload, children_.size());
  return children_[nodes_[id].payload];
}

bool Pickle::int64(Id id, std::int64_t& value) const {
  const Node& node = nodes_[id];
  if (node.kind != Kind::kInt) return false;
  if (!node.wide) {
    value = static_cast<std::int64_t>(node.payload);
    return true;
  }
  // Two's complement of any length: the bytes over the eighth must repeat the sign.
  const ByteSpan bytes = raw(id);
  const std::uint8_t fill = !bytes.empty() && bytes.back() >= 0x80 ? 0xff : 0;
  std::uint64_t word = 0;
  for (std::size_t i = 0; i < 8; ++i) word |= std::uint64_t{i < bytes.size() ? bytes[i] : fill} << (8 * i);
  for (std::size_t i = 8; i < bytes.size(); ++i) {
    if (bytes[i] != fill) return false;
  }
  if ((word >> 63 != 0) != (fill != 0)) return false;
  value = static_cast<std::int64_t>(word);
  return true;
}

bool Pickle::is_int(Id id, std::int64_t value) const {
  std::int64_t found = 0;
  return int64(id, found) && found == value;
}

bool Pickle::is_text(Id id, std::string_view value) const {
  return kind(id) == Kind::kText && text(id) == value;
}

Result<Scalar> Pickle::scalar(Id id, std::string_view place) const {
  std::int64_t small = 0;
  if (int64(id, small)) return Scalar::from_i64(small);
  ASSAY_CHECK_EQ(kind(id), Kind::kInt);
  const ByteSpan bytes = raw(id);
  const bool negative = bytes.back() >= 0x80;
  // The magnitude of two's complement: invert and add one where negative. What lies over 256 bits must
  // vanish.
  std::array<std::uint64_t, 4> magnitude{};
  unsigned carry = negative ? 1 : 0;
  for (std::size_t i = 0; i < bytes.size() || i < 32; ++i) {
    const std::uint8_t fill = negative ? 0xff : 0;
    const unsigned byte = (i < bytes.size() ? bytes[i] : fill) ^ fill;
    const unsigned sum = byte + carry;
    carry = sum >> 8;
    if (i < 32) {
      magnitude[i / 8] |= std::uint64_t{sum & 0xff} << (8 * (i % 8));
    } else if ((sum & 0xff) != 0) {
      return Error{ErrorCode::kOutOfRange, std::string(place), "an integer over (r - 1) / 2 in magnitude"};
    }
  }
  return Scalar::from_magnitude(negative, magnitude, place);
}

}  // namespace assay::tensor
