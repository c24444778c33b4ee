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

G1Affine ec_add(ByteSpan input) {
  const auto bytes = padded<128>(input);
  const G1Affine a = unwrap_read(curve::decode_evm_g1(ByteSpan(bytes).first(64), "ec_add: first point"));
  const G1Affine b = unwrap_read(curve::decode_evm_g1(ByteSpan(bytes).last(64), "ec_add: second point"));
  return curve::add(a, b);
}

G1Affine ec_mul(ByteSpan input) {
  auto bytes = padded<96>(input);
  const G1Affine point = unwrap_read(curve::decode_evm_g1(ByteSpan(bytes).first(64), "ec_mul: point"));
  // The scalar may be any 256-bit number.
  std::reverse(bytes.begin() + 64, bytes.end());
  return curve::multiply_vartime(point, Fr::from_bytes_reduced(ByteSpan(bytes).last(32)));
}

bool ec_pairing(ByteSpan input) {
  if (input.size() % 192 != 0) {
    throw Failure{{ErrorCode::kMalformed, "ec_pairing",
                   std::to_string(input.size()) + " bytes of input; give a multiple of 192"},
                  true};
  }
  std::vector<G1Affine> left;
  std::vector<curve::PreparedG2> right;
  for (std::size_t i = 0; i < input.size(); i += 192) {
    const std::string pair = "ec_pairing: pair " + std::to_string(i / 192);
    left.push_back(unwrap_read(curve::decode_evm_g1(input.subspan(i, 64), pair + ", point of G1")));
    right.emplace_back(unwrap_read(curve::decode_evm_g2(input.subspan(i + 64, 128), pair + ", point of G2")));
  }
  std::vector<curve::PairingTerm> terms;
  for (std::size_t i = 0; i < left.size(); ++i) terms.push_back({left[i], &right[i]});
  return curve::final_exponentiation(curve::multi_miller_loop(terms)).is_one();
}

nb::bytes answer(const G1Affine& point) { return to_python(curve::encode_evm(point)); }
bool answer(bool holds) { return holds; }

template <class Contract>
void bind_contract(nb::module_& m, const char* name, Contract contract) {
  m.def(
      name,
      [contract](const nb::bytes& input) {
        const ByteSpan bytes = span_of(input);
        return answer(without_gil([&] { return contract(bytes); }));
      },
      nb::arg("input"));
}

}  // namespace

void bind_curve(nb::module_& m) {
  bind_contract(m, "ec_add", ec_add);
  bind_contract(m, "ec_mul", ec_mul);
  bind_contract(m, "ec_pairing", ec_pairing);
}

}  // namespace assay::python
