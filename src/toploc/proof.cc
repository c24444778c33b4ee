#include <fmt/format.h>

#include <algorithm>

#include "assay/toploc.h"
#include "base/try.h"
#include "base/within.h"
#include "toploc/chunks.h"

namespace assay::toploc {
namespace {

Status check_k(std::size_t k, std::string_view place) {
  if (k >= 1 && k <= kMaxTopK) return {};
  return Error{ErrorCode::kOutOfRange, std::string(place),
               fmt::format("k = {} is not in 1 to {}", k, kMaxTopK)};
}

void append_be16(Bytes& bytes, std::uint32_t number) {
  bytes.push_back(static_cast<std::uint8_t>(number >> 8));
  bytes.push_back(static_cast<std::uint8_t>(number));
}

std::uint16_t read_be16(ByteSpan bytes, std::size_t at) {
  return static_cast<std::uint16_t>(bytes[at] << 8 | bytes[at + 1]);
}

Result<Proof> prove_chunk(std::span<const std::uint16_t> values, std::uint32_t k, TieRule rule) {
  const std::vector<std::uint32_t> indices = ASSAY_TRY(select(values, k, rule));
  return prove(indices, internal::gather(values, indices));
}

}  // namespace

Bytes Proof::encode() const {
  Bytes bytes;
  bytes.reserve(2 + 2 * coefficients.size());
  append_be16(bytes, modulus);
  for (const std::uint16_t coefficient : coefficients) append_be16(bytes, coefficient);
  return bytes;
}

Result<Proof> Proof::decode(ByteSpan bytes, std::uint32_t k, std::string_view place) {
  ASSAY_TRY(check_k(k, place));
  const auto error = [place](ErrorCode code, std::string field, std::string reason) {
    return within(place, Error{code, std::move(field), std::move(reason)});
  };
  const std::size_t expected = proof_size(k);
  if (bytes.size() != expected)
    return error(ErrorCode::kMalformed, "length",
                 fmt::format("{} bytes, a proof of {} values has {}", bytes.size(), k, expected));
  Proof proof;
  proof.modulus = read_be16(bytes, 0);
  if (proof.modulus < k || proof.modulus > kPrime)
    return error(ErrorCode::kOutOfRange, "modulus",
                 fmt::format("{} is not in {} to {}", proof.modulus, k, kPrime));
  proof.coefficients.reserve(k);
  for (std::uint32_t i = 0; i < k; ++i) {
    const std::uint16_t coefficient = read_be16(bytes, 2 + 2 * std::size_t{i});
    if (coefficient >= kPrime)
      return error(ErrorCode::kNonCanonical, fmt::format("coefficient {}", i),
                   fmt::format("{} is not below {}", coefficient, kPrime));
    proof.coefficients.push_back(coefficient);
  }
  return proof;
}

Result<Proof> prove(std::span<const std::uint32_t> indices, std::span<const std::uint16_t> values) {
  ASSAY_TRY(check_k(indices.size(), "indices"));
  if (indices.size() != values.size())
    return Error{ErrorCode::kMismatch, "values",
                 fmt::format("{} values for {} indices", values.size(), indices.size())};
  Proof proof;
  proof.modulus = ASSAY_TRY(injective_modulus(indices));
  std::vector<std::uint32_t> x(indices.begin(), indices.end());
  for (std::uint32_t& point : x) point %= proof.modulus;
  const std::vector<std::uint32_t> y(values.begin(), values.end());
  const std::vector<std::uint32_t> coefficients = ASSAY_TRY(interpolate(x, y));
  proof.coefficients.assign(coefficients.begin(), coefficients.end());
  return proof;
}

Result<std::vector<Proof>> build(std::span<const std::uint16_t> values,
                                 std::span<const std::uint64_t> lengths, std::uint32_t k, TieRule rule) {
  return internal::for_each_chunk<Proof>(
      values, lengths, [&](std::size_t, auto chunk) { return prove_chunk(chunk, k, rule); });
}

}  // namespace assay::toploc
