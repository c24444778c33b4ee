// The EVM's precompiled contracts over BN254 at addresses 6 to 8: EIP-196 (addition, multiplication) and
// EIP-197 (pairing check).
#include "assay/curve.h"

#include <algorithm>
#include <array>
#include <string>

#include "bindings.h"

namespace assay::python {
namespace {

/// The first N bytes of the call data; zeros where it is shorter.
template <std::size_t N>
std::array<std::uint8_t, N> padded(ByteSpan input) {
  std::array<std::uint8_t, N> bytes{};
  std::ranges::copy(input.first(std::min(N, input.size())), bytes.begin());
  return bytes;
}

Result<G1Affine> ec_add(ByteSpan input) {
  const auto bytes = padded<128>(input);
  const Result<G1Affine> a = curve::decode_evm_g1(ByteSpan(bytes).first(64), "ec_add: first point");
  if (!a.ok()) return a.error();
  const Result<G1Affine> b = curve::decode_evm_g1(ByteSpan(bytes).last(64), "ec_add: second point");
  if (!b.ok()) return b.error();
  return curve::add(*a, *b);
}

Result<G1Affine> ec_mul(ByteSpan input) {
  auto bytes = padded<96>(input);
  const Result<G1Affine> point = curve::decode_evm_g1(ByteSpan(bytes).first(64), "ec_mul: point");
  if (!point.ok()) return point.error();
  // The scalar may be any 256-bit number.
  std::reverse(bytes.begin() + 64, bytes.end());
  return curve::multiply_vartime(*point, Fr::from_bytes_reduced(ByteSpan(bytes).last(32)));
}

Result<bool> ec_pairing(ByteSpan input) {
  if (input.size() % 192 != 0) {
    return Error{ErrorCode::kMalformed, "ec_pairing",
                 std::to_string(input.size()) + " bytes of input; give a multiple of 192"};
  }
  std::vector<G1Affine> left;
  std::vector<curve::PreparedG2> right;
  for (std::size_t i = 0; i < input.size(); i += 192) {
    const std::string pair = "ec_pairing: pair " + std::to_string(i / 192);
    const Result<G1Affine> p = curve::decode_evm_g1(input.subspan(i, 64), pair + ", point of G1");
    if (!p.ok()) return p.error();
    const Result<G2Affine> q = curve::decode_evm_g2(input.subspan(i + 64, 128), pair + ", point of G2");
    if (!q.ok()) return q.error();
    left.push_back(*p);
    right.emplace_back(*q);
  }
  std::vector<curve::PairingTerm> terms;
  for (std::size_t i = 0; i < left.size(); ++i) terms.push_back({left[i], &right[i]});
  return curve::final_exponentiation(curve::multi_miller_loop(terms)).is_one();
}

}  // namespace

void bind_curve(nb::module_& m) {
  m.def(
      "ec_add",
      [](const nb::bytes& input) {
        const ByteSpan bytes = span_of(input);
        return to_python(curve::encode_evm(unwrap_read(without_gil([&] { return ec_add(bytes); }))));
      },
      nb::arg("input"));
  m.def(
      "ec_mul",
      [](const nb::bytes& input) {
        const ByteSpan bytes = span_of(input);
        return to_python(curve::encode_evm(unwrap_read(without_gil([&] { return ec_mul(bytes); }))));
      },
      nb::arg("input"));
  m.def(
      "ec_pairing",
      [](const nb::bytes& input) {
        const ByteSpan bytes = span_of(input);
        return unwrap_read(without_gil([&] { return ec_pairing(bytes); }));
      },
      nb::arg("input"));
}

}  // namespace assay::python
