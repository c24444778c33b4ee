// Proofs made of arbitrary bytes for one vector under one small key: nothing passes but the honest proof of
// what is true.
//
// Input: a byte modulo 3 for the kind. An entry: point, value, quotient, 32 bytes each. A block: log_block
// and block, a byte each, quotient, and the values, two bytes each. Many points: the number of claims, a byte
// modulo 4, point and value of each, and the 64 bytes of the proof.
#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <vector>

#include "assay/kzg.h"

namespace {

namespace kzg = assay::kzg;
using assay::ByteSpan;
using assay::Fr;

struct Fixture {
  kzg::Srs srs = kzg::Srs::dev(3, 7).value();
  std::vector<std::int16_t> values{5, -3, 0, 7, -32768, 32767, 1, 1};
  assay::G1Affine commitment = kzg::commit(srs, values).value();
  kzg::Verifier verifier{srs.verifier_key()};
};

class Input {
 public:
  explicit Input(ByteSpan bytes) : bytes_(bytes) {}
  unsigned byte() {
    const ByteSpan one = take(1);
    return one.empty() ? 0 : one[0];
  }
  ByteSpan take(std::size_t size) {
    if (bytes_.size() < size) return {};
    const ByteSpan out = bytes_.first(size);
    bytes_ = bytes_.subspan(size);
    return out;
  }
  assay::Result<Fr> element() {
    const assay::Result<assay::Scalar> scalar = assay::Scalar::from_bytes(take(32), "fuzz");
    if (!scalar.ok()) return scalar.error();
    return Fr::from_scalar(*scalar);
  }

 private:
  ByteSpan bytes_;
};

void try_entry(const Fixture& fixture, Input& input) {
  const assay::Result<Fr> point = input.element(), value = input.element();
  const assay::Result<assay::G1Affine> quotient = assay::curve::decode_g1(input.take(32), "fuzz");
  if (!point.ok() || !value.ok() || !quotient.ok()) return;
  const kzg::Statement statement{fixture.commitment, *point, {*value, *quotient}};
  const bool accepted = fixture.verifier.check(statement).ok();
  if (accepted != fixture.verifier.check_all({&statement, 1}).ok()) std::abort();
  if (!accepted) return;
  const kzg::Opening honest = kzg::open_at(fixture.srs, fixture.values, *point).value();
  if (honest.value != *value || honest.quotient != *quotient) std::abort();
}

void try_block(const Fixture& fixture, Input& input) {
  const unsigned log_block = input.byte(), block = input.byte();
  const assay::Result<assay::G1Affine> quotient = assay::curve::decode_g1(input.take(32), "fuzz");
  if (!quotient.ok()) return;
  std::vector<std::int16_t> values;
  for (ByteSpan two = input.take(2); !two.empty() && values.size() < 9; two = input.take(2))
    values.push_back(static_cast<std::int16_t>(two[0] | two[1] << 8));
  const kzg::BlockStatement statement{fixture.commitment, log_block, block, values, *quotient};
  if (!fixture.verifier.check_block(fixture.srs, statement).ok()) return;
  const auto first = fixture.values.begin() + static_cast<std::ptrdiff_t>(block << log_block);
  if (!std::equal(values.begin(), values.end(), first)) std::abort();
  if (kzg::open_block(fixture.srs, fixture.values, log_block, block).value() != *quotient) std::abort();
}

void try_many(const Fixture& fixture, Input& input) {
  std::vector<kzg::Claim> claims;
  std::vector<kzg::Question> questions;
  for (unsigned count = input.byte() % 4; count > 0; --count) {
    const assay::Result<Fr> point = input.element(), value = input.element();
    if (!point.ok() || !value.ok()) return;
    claims.push_back({{}, fixture.commitment, *point, *value});
    questions.push_back({0, *point});
  }
  const assay::Result<kzg::ManyProof> proof = kzg::ManyProof::decode(input.take(64), "fuzz");
  if (!proof.ok() || !fixture.verifier.check_many(claims, *proof).ok()) return;
  const kzg::Vector vector{{}, fixture.commitment, fixture.values};
  const kzg::ManyOpening honest = kzg::open_many(fixture.srs, {&vector, 1}, questions).value();
  if (honest.proof != *proof) std::abort();
  for (std::size_t i = 0; i < claims.size(); ++i)
    if (honest.values[i] != claims[i].value) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const Fixture fixture;
  Input input({data, size});
  switch (input.byte() % 3) {
    case 0:
      try_entry(fixture, input);
      break;
    case 1:
      try_block(fixture, input);
      break;
    default:
      try_many(fixture, input);
  }
  return 0;
}
