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
  // Many at once: the first that is refused is the first that is refused alone.
  std::vector<assay::G1Affine> all(size / 32);
  const std::size_t good = curve::decode_all_g1(bytes.first(32 * all.size()), all);
  for (std::size_t i = 0; i < all.size() && i <= good; ++i) {
    const auto alone = curve::decode_g1(bytes.subspan(32 * i, 32), "fuzz");
    if (alone.ok() != (i < good) || (alone.ok() && *alone != all[i])) std::abort();
  }
  round_trip(bytes, curve::decode_g2, [](const assay::G2Affine& p) { return curve::encode(p); });
  round_trip(bytes, curve::decode_gnark_g1, curve::encode_gnark);
  round_trip(bytes, curve::decode_evm_g1, [](const assay::G1Affine& p) { return curve::encode_evm(p); });
  round_trip(bytes, curve::decode_evm_g2, [](const assay::G2Affine& p) { return curve::encode_evm(p); });
  return 0;
}
