// Every point decoder on arbitrary bytes: what decodes encodes to the same bytes.
#include <cstdint>
#include <cstdlib>
#include <vector>

#include "assay/curve.h"

namespace {

template <class Decode, class Encode>
void round_trip(assay::ByteSpan bytes, const Decode& decode, const Encode& encode) {
  const auto point = decode(bytes, "fuzz");
  if (!point.ok()) return;
  const auto again = encode(*point);
  if (assay::Bytes(again.begin(), again.end()) != assay::Bytes(bytes.begin(), bytes.end())) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  namespace curve = assay::curve;
  const assay::ByteSpan bytes(data, size);
  round_trip(bytes, curve::decode_g1, [](const assay::G1Affine& p) { return curve::encode(p); });
  round_trip(bytes, curve::decode_g2, [](const assay::G2Affine& p) { return curve::encode(p); });
  round_trip(bytes, curve::decode_gnark_g1, curve::encode_gnark);
  round_trip(bytes, curve::decode_evm_g1, [](const assay::G1Affine& p) { return curve::encode_evm(p); });
  round_trip(bytes, curve::decode_evm_g2, [](const assay::G2Affine& p) { return curve::encode_evm(p); });
  return 0;
}
