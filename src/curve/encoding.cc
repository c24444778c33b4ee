#include "curve/encoding.h"

#include "curve/kernel.h"

namespace assay::curve {
namespace {

struct ActiveKernel {
  static std::size_t solve_g1(std::span<const Fp> x, std::span<Fp> y) {
    return active_curve_kernel().solve_g1(x, y);
  }
  static std::optional<Fp2> solve_g2(const Fp2& x) { return active_curve_kernel().solve_g2(x); }
  static bool is_in_g1(const G1Affine& p) { return active_curve_kernel().is_in_g1(p); }
  static bool is_in_g2(const G2Affine& p) { return active_curve_kernel().is_in_g2(p); }
};
using Form = Encoding<Bn254, ActiveKernel>;

}  // namespace

std::array<std::uint8_t, 32> encode(const G1Affine& point) { return Form::encode(point); }
std::array<std::uint8_t, 64> encode(const G2Affine& point) { return Form::encode(point); }
Result<G1Affine> decode_g1(ByteSpan bytes32, std::string_view place) {
  return Form::decode_g1(bytes32, place);
}
Result<G2Affine> decode_g2(ByteSpan bytes64, std::string_view place) {
  return Form::decode_g2(bytes64, place);
}
std::size_t decode_all_g1(ByteSpan bytes, std::span<G1Affine> out) { return Form::decode_all_g1(bytes, out); }

std::array<std::uint8_t, 32> encode_gnark(const G1Affine& point) { return Form::encode_gnark(point); }
Result<G1Affine> decode_gnark_g1(ByteSpan bytes32, std::string_view place) {
  return Form::decode_gnark_g1(bytes32, place);
}

std::array<std::uint8_t, 64> encode_evm(const G1Affine& point) { return Form::encode_evm(point); }
std::array<std::uint8_t, 128> encode_evm(const G2Affine& point) { return Form::encode_evm(point); }
Result<G1Affine> decode_evm_g1(ByteSpan bytes64, std::string_view place) {
  return Form::decode_evm_g1(bytes64, place);
}
Result<G2Affine> decode_evm_g2(ByteSpan bytes128, std::string_view place) {
  return Form::decode_evm_g2(bytes128, place);
}

}  // namespace assay::curve
