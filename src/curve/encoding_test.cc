#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "curve/vectors_for_test.h"

namespace assay::curve {
namespace {

struct Encoded {
  int multiple;
  const char* arkworks;
  const char* gnark;
};

// Compressed multiples of the generator in both layouts; 11 G tells "y > (p-1)/2" from "y odd".
const std::vector<Encoded> kEncoded = {
    {0, "0000000000000000000000000000000000000000000000000000000000000040",
     "4000000000000000000000000000000000000000000000000000000000000000"},
    {1, "0100000000000000000000000000000000000000000000000000000000000000",
     "8000000000000000000000000000000000000000000000000000000000000001"},
    {-1, "0100000000000000000000000000000000000000000000000000000000000080",
     "c000000000000000000000000000000000000000000000000000000000000001"},
    {2, "d3cf876dc108c2d3a81c8716a91678d9851518685b04859b021a132ee7440603",
     "830644e72e131a029b85045b68181585d97816a916871ca8d3c208c16d87cfd3"},
    {3, "f0ab15199655d3f279e6b81547d8159315bdb6b1bc3202f43fea6bc59abf6987",
     "c769bf9ac56bea3ff40232bcb1b6bd159315d84715b8e679f2d355961915abf0"},
    {4, "761a14e92e6daa4c829965ee832b599b8c20a51d5b45efbebc14f4f84ab6a706",
     "86a7b64af8f414bcbeef455b1da5208c9b592b83ee6599824caa6d2ee9141a76"},
    {5, "a93f16faa7a849e89ca35389d8dee46243772b760402bc66f7e0fe0edf39c117",
     "97c139df0efee0f766bc0204762b774362e4ded88953a39ce849a8a7fa163fa9"},
    {7, "78e0ffab866b3a9876bd01b8ecc66fcb86936277f425539a758dbbd32e2b0717",
     "97072b2ed3bb8d759a5325f477629386cb6fc6ecb801bd76983a6b86abffe078"},
    {10, "b445404b921d95c60479caf418a57fda721ca74e35e2a904d81a9fb957a2d309",
     "89d3a257b99f1ad804a9e2354ea71c72da7fa518f4ca7904c6951d924b4045b4"},
    {11, "ef493dfc801fb7a82cc12ae97f478224b8cdee518680a89d1809b037557014aa", nullptr},
};

TEST(Encoding, KnownMultiples) {
  for_each_kernel([] {
    for (const Encoded& each : kEncoded) {
      const G1Affine point = multiply_vartime(G1Affine::generator(), Fr::from_i64(each.multiple));
      EXPECT_EQ(to_hex(encode(point)), each.arkworks);
      EXPECT_EQ(decode_g1(from_hex(each.arkworks, "").value(), "").value(), point);
      if (each.gnark == nullptr) continue;
      EXPECT_EQ(to_hex(encode_gnark(point)), each.gnark);
      EXPECT_EQ(decode_gnark_g1(from_hex(each.gnark, "").value(), "").value(), point);
    }
  });
}

TEST(Encoding, EveryFormRoundTrips) {
  for_each_kernel([] {
    for (const Json& each : test_vectors()["multiples"]) {
      const G1Affine p = g1_of(each["g1"]);
      EXPECT_EQ(decode_g1(encode(p), "").value(), p);
      EXPECT_EQ(decode_gnark_g1(encode_gnark(p), "").value(), p);
      EXPECT_EQ(decode_evm_g1(encode_evm(p), "").value(), p);
      const G2Affine q = g2_of(each["g2"]);
      EXPECT_EQ(decode_g2(encode(q), "").value(), q);
      EXPECT_EQ(decode_evm_g2(encode_evm(q), "").value(), q);
    }
  });
}

TEST(Encoding, G2SignFollowsTheImaginaryPartFirst) {
  const G2Affine g = G2Affine::generator();
  const auto plus = encode(g), minus = encode(negate(g));
  EXPECT_EQ(plus[63] ^ minus[63], 0x80);
  EXPECT_EQ(decode_g2(minus, "").value(), negate(g));
}

void expect_refused(const Result<G1Affine>& result, ErrorCode code, const std::string& reason) {
  ASSERT_FALSE(result.ok());
  EXPECT_EQ(result.error().code, code);
  EXPECT_EQ(result.error().place, "here");
  EXPECT_NE(result.error().reason.find(reason), std::string::npos) << result.error().reason;
}

Result<G1Affine> ark(const std::string& hex) { return decode_g1(from_hex(hex, "").value(), "here"); }
Result<G1Affine> gnark(const std::string& hex) { return decode_gnark_g1(from_hex(hex, "").value(), "here"); }

TEST(Encoding, RefusesWhateverIsNotCanonicalInG1) {
  const std::string zeros(62, '0');
  for (const char* x : {"00", "04", "0a"})
    expect_refused(ark(x + zeros), ErrorCode::kMalformed, "not a point");
  expect_refused(ark("47fd7cd8168c203c8dca7168916a81975d588181b64550b829a031e1724e6430"),
                 ErrorCode::kNonCanonical, "below the field's prime");
  expect_refused(ark("01" + zeros.substr(2) + "c0"), ErrorCode::kNonCanonical, "infinity flag");
  expect_refused(ark("01" + zeros.substr(2) + "40"), ErrorCode::kNonCanonical, "infinity flag");
  expect_refused(ark("00" + zeros.substr(2) + "c0"), ErrorCode::kNonCanonical, "infinity flag");
  expect_refused(ark("01" + zeros.substr(2)), ErrorCode::kMalformed, "32 bytes expected, not of 31");
  expect_refused(gnark("00" + zeros), ErrorCode::kMalformed, "not marked");
  expect_refused(gnark("40" + zeros.substr(2) + "01"), ErrorCode::kNonCanonical, "infinity flag");
  expect_refused(gnark("80" + zeros.substr(2) + "04"), ErrorCode::kMalformed, "not a point");
  expect_refused(gnark("b0644e72e131a029b85045b68181585d97816a916871ca8d3c208c16d87cfd47"),
                 ErrorCode::kNonCanonical, "below the field's prime");
  expect_refused(gnark("80"), ErrorCode::kMalformed, "bytes expected");
  std::string evm(128, '0');
  evm[63] = '1';
  evm[127] = '3';
  expect_refused(decode_evm_g1(from_hex(evm, "").value(), "here"), ErrorCode::kMalformed, "not a point");
  expect_refused(decode_evm_g1(Bytes(63), "here"), ErrorCode::kMalformed, "bytes expected");
  Bytes large(64, 0xff);
  expect_refused(decode_evm_g1(large, "here"), ErrorCode::kNonCanonical, "below the field's prime");
}

TEST(Encoding, ManyAtOnceAreWhatEachIs) {
  for_each_kernel([] {
    std::vector<Fr> scalars;
    for (std::uint64_t i = 0; i < 600; ++i)
      scalars.push_back(Fr::from_i64(static_cast<std::int64_t>(i) - 299));
    std::vector<G1Affine> points(scalars.size());
    multiply_generator_vartime(scalars, points);  // number 299 is infinity
    Bytes bytes;
    for (const G1Affine& point : points) {
      const auto encoded = encode(point);
      bytes.insert(bytes.end(), encoded.begin(), encoded.end());
    }
    for (const std::size_t count : {0, 1, 2, 3, 15, 16, 17, 33, 300, 600}) {
      std::vector<G1Affine> out(count);
      ASSERT_EQ(decode_all_g1(ByteSpan(bytes).first(32 * count), out), count);
      EXPECT_TRUE(std::equal(out.begin(), out.end(), points.begin())) << count;
    }
    // Not on the curve, not canonical, a flag too many: the first of them is named.
    std::vector<G1Affine> out(600);
    std::fill(bytes.begin() + 32 * 590, bytes.begin() + 32 * 591, 0);
    EXPECT_EQ(decode_all_g1(bytes, out), 590U);
    std::fill(bytes.begin() + 32 * 450, bytes.begin() + 32 * 451, 0x3f);
    EXPECT_EQ(decode_all_g1(bytes, out), 450U);
    bytes[32 * 299 + 31] |= 0x80;
    EXPECT_EQ(decode_all_g1(bytes, out), 299U);
    EXPECT_TRUE(std::equal(out.begin(), out.begin() + 299, points.begin()));
    bytes[0] ^= 4;
    EXPECT_EQ(decode_all_g1(bytes, out), decode_g1(ByteSpan(bytes).first(32), "").ok() ? 299U : 0U);
  });
}

TEST(Encoding, EveryFlippedBitOfAG1PointIsRefusedOrAnotherPoint) {
  const auto bytes = encode(multiply_vartime(G1Affine::generator(), Fr::from_u64(12345)));
  for (std::size_t bit = 0; bit < 256; ++bit) {
    Bytes flipped(bytes.begin(), bytes.end());
    flipped[bit / 8] = static_cast<std::uint8_t>(flipped[bit / 8] ^ (1U << (bit % 8)));
    const auto point = decode_g1(flipped, "");
    if (!point.ok()) continue;
    const auto again = encode(*point);
    EXPECT_EQ(Bytes(again.begin(), again.end()), flipped);
  }
}

TEST(Encoding, RefusesBadG2Points) {
  const auto good = encode(G2Affine::generator());
  Bytes bytes(good.begin(), good.end());
  EXPECT_FALSE(decode_g2(ByteSpan(bytes).first(63), "").ok());
  Bytes flags = bytes;
  flags[63] |= 0x40;
  EXPECT_EQ(decode_g2(flags, "").error().code, ErrorCode::kNonCanonical);
  Bytes large = bytes;
  std::fill(large.begin(), large.begin() + 32, 0xff);
  EXPECT_EQ(decode_g2(large, "").error().code, ErrorCode::kNonCanonical);

  // On the twist but outside the subgroup, or not on the twist: small x coordinates show both.
  int outside = 0, off = 0;
  for (std::uint8_t x = 1; x < 40; ++x) {
    Bytes candidate(64, 0);
    candidate[0] = x;
    const auto point = decode_g2(candidate, "");
    ASSERT_FALSE(point.ok());  // the subgroup is a 2^-254 part of the twist
    (point.error().reason.find("subgroup") != std::string::npos ? outside : off) += 1;
  }
  EXPECT_GT(outside, 5);
  EXPECT_GT(off, 5);

  auto evm = encode_evm(G2Affine::generator());
  evm[127] ^= 1;
  EXPECT_EQ(decode_evm_g2(evm, "").error().code, ErrorCode::kMalformed);
  EXPECT_FALSE(decode_evm_g2(ByteSpan(evm).first(127), "").ok());
  std::fill(evm.begin(), evm.begin() + 32, 0xff);
  EXPECT_EQ(decode_evm_g2(evm, "").error().code, ErrorCode::kNonCanonical);
}

// x = 1 and a y by a program of a few lines that shares no code with this one: on the twist, and r times it
// is not infinity.
TEST(Encoding, RefusesATwistPointOutsideTheSubgroupInEvmForm) {
  const std::string zero(64, '0');
  const std::string one = zero.substr(1) + "1";
  const std::string y =
      "0d1271953ed9ea0836846e70a1934187998c7f790cb4d7511b7f8da82de048a4"
      "2869111d5381f072f8e2728fdb825a51aadd70e52c9830e9ab4b871c0531f1bb";
  const auto refused = decode_evm_g2(from_hex(zero + one + y, "").value(), "here");
  ASSERT_FALSE(refused.ok());
  EXPECT_EQ(refused.error().to_string(), "here: not a point of the twist's subgroup of order r");
  // In the form that leaves y out the same point is told to be on the twist.
  Bytes short_form(64, 0);
  short_form[0] = 1;
  EXPECT_EQ(decode_g2(short_form, "here").error().to_string(),
            "here: a point outside the subgroup of order r");
}

}  // namespace
}  // namespace assay::curve
