// Proofs made of arbitrary bytes, for one commitment under one small key: nothing passes but the honest proof
// of what is true.
//
// Input: number of coordinates, number of proof points (a byte each, modulo 4), then the coordinates, the
// value and the proof points of 32 bytes each.
#include <cstdint>
#include <cstdlib>
#include <vector>

#include "assay/pst.h"

namespace {

namespace pst = assay::pst;

struct Fixture {
  assay::Axes axes = assay::Axes::parse("2,2", "fuzz").value();
  pst::Srs srs = pst::Srs::dev(axes, 7).value();
  std::vector<assay::Scalar> values{assay::Scalar::from_i64(5), assay::Scalar::from_i64(-3),
                                    assay::Scalar{{0, 0, 0, 256}}, assay::Scalar::from_i64(7)};
  assay::G1Affine commitment = pst::commit(srs, values).value();
  pst::Verifier verifier{srs.verifier_key()};
};

class Input {
 public:
  explicit Input(assay::ByteSpan bytes) : bytes_(bytes) {}
  std::size_t count() { return take(1).empty() ? 0 : last_[0] % 4; }
  assay::ByteSpan element() { return take(32); }

 private:
  assay::ByteSpan take(std::size_t size) {
    if (bytes_.size() < size) return last_ = {};
    last_ = bytes_.first(size);
    bytes_ = bytes_.subspan(size);
    return last_;
  }
  assay::ByteSpan bytes_;
  assay::ByteSpan last_;
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const Fixture fixture;
  Input input({data, size});
  const std::size_t coordinates = input.count();
  const std::size_t quotients = input.count();
  pst::Statement statement{fixture.commitment, {}, {}};
  for (std::size_t i = 0; i <= coordinates; ++i) {  // the value comes last
    const assay::Result<assay::Scalar> number = assay::Scalar::from_bytes(input.element(), "fuzz");
    if (!number.ok()) return 0;
    statement.point.push_back(assay::Fr::from_scalar(*number));
  }
  statement.opening.value = statement.point.back();
  statement.point.pop_back();
  for (std::size_t i = 0; i < quotients; ++i) {
    const assay::Result<assay::G1Affine> point = assay::curve::decode_g1(input.element(), "fuzz");
    if (!point.ok()) return 0;
    statement.opening.quotients.push_back(*point);
  }

  const bool accepted = fixture.verifier.check(statement).ok();
  if (accepted != fixture.verifier.check_all({&statement, 1}).ok()) std::abort();
  if (!accepted) return 0;
  const pst::Opening honest = pst::open_at(fixture.srs, fixture.values, statement.point).value();
  if (statement.opening.value != honest.value) std::abort();
  if (statement.opening.quotients != honest.quotients) std::abort();
  return 0;
}
