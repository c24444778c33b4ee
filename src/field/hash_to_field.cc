#include "field/hash_to_field.h"

#include <algorithm>
#include <array>
#include <string_view>

#include "base/check.h"
#include "base/sha256.h"

namespace assay {
namespace {

constexpr std::size_t kBlock = 64;    // of SHA-256's input
constexpr std::size_t kElement = 48;  // bytes for one element: 128 bits more than r has
constexpr std::string_view kOversizeTag = "H2C-OVERSIZE-DST-";

/// The tag with its length behind it.
Bytes tag_suffix(ByteSpan tag) {
  ASSAY_CHECK_GT(tag.size(), 0U);
  Bytes out(tag.begin(), tag.end());
  if (out.size() > 255) {
    const Digest hashed = Sha256().update(kOversizeTag).update(tag).digest();
    out.assign(hashed.begin(), hashed.end());
  }
  out.push_back(static_cast<std::uint8_t>(out.size()));
  return out;
}

Digest xored(Digest a, const Digest& b) {
  for (std::size_t i = 0; i < a.size(); ++i) a[i] = static_cast<std::uint8_t>(a[i] ^ b[i]);
  return a;
}

/// 48 bytes, most significant first, modulo r.
Fr element_of(std::span<const std::uint8_t, kElement> bytes) {
  std::array<std::uint8_t, kElement> reversed;
  std::reverse_copy(bytes.begin(), bytes.end(), reversed.begin());
  return Fr::from_bytes_reduced(reversed);
}

/// Rows of one length that differ in their beginnings alone, and what they hash to.
class Rows {
 public:
  Rows(std::size_t varying, ByteSpan suffix, std::size_t count)
      : size_(varying + suffix.size()), rows_(size_ * count) {
    for (std::size_t i = 0; i < count; ++i) std::ranges::copy(suffix, row(i) + varying);
  }
  [[nodiscard]] std::uint8_t* row(std::size_t i) { return rows_.data() + i * size_; }
  void hash(std::span<Digest> out) const {
    sha256_rows({}, ByteSpan(rows_).first(size_ * out.size()), size_, out);
  }

 private:
  std::size_t size_;
  Bytes rows_;
};

Bytes joined(std::initializer_list<std::uint8_t> numbers, ByteSpan suffix) {
  Bytes out(numbers);
  out.insert(out.end(), suffix.begin(), suffix.end());
  return out;
}

}  // namespace

void expand_message_xmd(ByteSpan message, ByteSpan tag, std::span<std::uint8_t> out) {
  ASSAY_CHECK_LE(out.size(), 255 * sizeof(Digest));
  const Bytes suffix = tag_suffix(tag);
  const std::array<std::uint8_t, kBlock> zeros{};
  const std::array<std::uint8_t, 3> length{static_cast<std::uint8_t>(out.size() >> 8),
                                           static_cast<std::uint8_t>(out.size()), 0};
  const Digest first = Sha256().update(zeros).update(message).update(length).update(suffix).digest();
  Digest last{};
  std::uint8_t number = 0;
  for (std::size_t done = 0; done < out.size(); done += last.size()) {
    const std::array<std::uint8_t, 1> counter{++number};
    last = Sha256().update(xored(first, last)).update(counter).update(suffix).digest();
    std::copy_n(last.begin(), std::min(last.size(), out.size() - done),
                out.begin() + static_cast<std::ptrdiff_t>(done));
  }
}

Fr hash_to_field(ByteSpan message, ByteSpan tag) {
  std::array<std::uint8_t, kElement> bytes;
  expand_message_xmd(message, tag, bytes);
  return element_of(bytes);
}

void hash_rows_to_field(ByteSpan rows, std::size_t size, ByteSpan tag, std::span<Fr> out) {
  ASSAY_CHECK_EQ(rows.size(), size * out.size());
  constexpr std::size_t kTogether = 256;
  const Bytes suffix = tag_suffix(tag);
  const std::size_t most = std::min(kTogether, out.size());
  Rows first(kBlock + size, joined({0, kElement, 0}, suffix), most);
  Rows second(sizeof(Digest), joined({1}, suffix), most), third(sizeof(Digest), joined({2}, suffix), most);
  std::array<Digest, kTogether> b0, b1, b2;
  for (std::size_t done = 0; done < out.size(); done += most) {
    const std::size_t count = std::min(most, out.size() - done);
    for (std::size_t i = 0; i < count; ++i)
      std::ranges::copy(rows.subspan((done + i) * size, size), first.row(i) + kBlock);
    first.hash(std::span(b0).first(count));
    for (std::size_t i = 0; i < count; ++i) std::ranges::copy(b0[i], second.row(i));
    second.hash(std::span(b1).first(count));
    for (std::size_t i = 0; i < count; ++i) std::ranges::copy(xored(b0[i], b1[i]), third.row(i));
    third.hash(std::span(b2).first(count));
    for (std::size_t i = 0; i < count; ++i) {
      std::array<std::uint8_t, kElement> bytes;
      std::ranges::copy(b1[i], bytes.begin());
      std::copy_n(b2[i].begin(), kElement - sizeof(Digest), bytes.begin() + sizeof(Digest));
      out[done + i] = element_of(bytes);
    }
  }
}

}  // namespace assay
