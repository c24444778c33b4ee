// SRS files and keys, and what verify_srs finds.
#include <gtest/gtest.h>

#include <string>

#include "base/file.h"
#include "base/sha256.h"
#include "kzg/srs_file.h"
#include "kzg/srs_state.h"
#include "kzg/test_support.h"

namespace assay::kzg {
namespace {

using test::Random;

TEST(KzgKey, RoundTripsAndRefusesEveryOtherByte) {
  VerifierKey key = Srs::dev(3, 7)->verifier_key();
  key.origin = Origin::kPtau;
  key.published = 12;
  const Bytes bytes = key.encode();
  EXPECT_EQ(bytes.size(), 15u + 3 * 64 + 32);
  EXPECT_EQ(VerifierKey::decode(bytes, "key").value(), key);
  for (std::size_t size = 0; size < bytes.size(); ++size)
    EXPECT_FALSE(VerifierKey::decode(ByteSpan(bytes).first(size), "key").ok()) << size;
  Bytes longer = bytes;
  longer.push_back(0);
  EXPECT_FALSE(VerifierKey::decode(longer, "key").ok());
  for (std::size_t i = 0; i < bytes.size() - 32; ++i) {
    for (const int flip : {1, 0x80}) {
      Bytes changed = bytes;
      changed[i] ^= static_cast<std::uint8_t>(flip);
      const Result<VerifierKey> decoded = VerifierKey::decode(changed, "key");
      if (decoded.ok()) {
        EXPECT_EQ(decoded->encode(), changed) << i;
        EXPECT_NE(decoded->digest(), key.digest()) << i;
      }
    }
  }
}

TEST(KzgKey, RefusesNumbersOutOfRange) {
  const Bytes bytes = Srs::dev(2, 7)->verifier_key().encode();
  const auto code_with = [&](std::size_t at, std::uint8_t value) {
    Bytes changed = bytes;
    changed[at] = value;
    return VerifierKey::decode(changed, "key").error().code;
  };
  EXPECT_EQ(code_with(0, 'B'), ErrorCode::kMalformed);
  EXPECT_EQ(code_with(8, 2), ErrorCode::kUnsupported);
  EXPECT_EQ(code_with(12, 0), ErrorCode::kOutOfRange);
  EXPECT_EQ(code_with(12, 3), ErrorCode::kOutOfRange);
  EXPECT_EQ(code_with(13, 16), ErrorCode::kOutOfRange);  // a dev SRS is of no published file
  EXPECT_EQ(code_with(14, 0), ErrorCode::kOutOfRange);
  EXPECT_EQ(code_with(14, kMaxLogSize + 1), ErrorCode::kOutOfRange);
  EXPECT_EQ(code_with(14, kMaxLogSize), ErrorCode::kMalformed);  // it has too few powers
  Bytes infinity = bytes;
  std::fill_n(infinity.begin() + 15, 64, std::uint8_t{0});
  infinity[15 + 63] = 0x40;
  EXPECT_EQ(VerifierKey::decode(infinity, "key").error().code, ErrorCode::kOutOfRange);
  Bytes published = bytes;  // a file of power 1 holds no 2^2 values
  published[12] = 2;
  published[13] = 1;
  EXPECT_EQ(VerifierKey::decode(published, "key").error().code, ErrorCode::kOutOfRange);
  published[13] = 2;
  EXPECT_TRUE(VerifierKey::decode(published, "key").ok());
  published[13] = kMaxLogSize;
  EXPECT_TRUE(VerifierKey::decode(published, "key").ok());
  published[13] = kMaxLogSize + 1;
  EXPECT_EQ(VerifierKey::decode(published, "key").error().code, ErrorCode::kOutOfRange);
}

TEST(KzgKey, Labels) {
  VerifierKey key = Srs::dev(1, 7)->verifier_key();
  EXPECT_EQ(key.label(), "dev");
  key.origin = Origin::kPtau;
  EXPECT_EQ(key.label(), "ptau");
  key.published = 16;
  EXPECT_EQ(key.label(), "ptau (published file of power 16)");
}

TEST(KzgSrs, DevSecretHasATagOfItsOwn) {
  const Srs srs = Srs::dev(1, 7).value();
  EXPECT_EQ(srs.verifier_key().powers[0],
            curve::multiply_vartime(G2Affine::generator(), internal::dev_secret(7)));
  EXPECT_NE(internal::dev_secret(7), internal::dev_secret(8));
}

TEST(KzgSrs, RefusesSizesOutOfRangeAndThoseThatMemoryDoesNotHold) {
  EXPECT_EQ(Srs::dev(0, 7).error().code, ErrorCode::kOutOfRange);
  EXPECT_EQ(Srs::dev(kMaxLogSize, 7).error().code, ErrorCode::kTooLarge);
  EXPECT_EQ(Srs::dev(kMaxLogSize + 1, 7).error().code, ErrorCode::kOutOfRange);
}

TEST(KzgSrs, TheVerifiersPartAloneIsNamed) {
  const Bytes key = Srs::dev(2, 7)->verifier_key().encode();
  const auto parsed = internal::parse_srs_file(key, "a.vk");
  ASSERT_FALSE(parsed.ok());
  EXPECT_EQ(parsed.error().reason.find("the verifier's part alone"), 0u);
}

TEST(KzgSrs, FilesRoundTrip) {
  const test::TemporaryDirectory directory;
  for (const unsigned log_size : {1U, 4U, 10U, 12U}) {
    const Srs srs = Srs::dev(log_size, 3).value();
    const auto path = directory.file("a.srs");
    ASSERT_TRUE(srs.write(path).ok());
    const Srs again = Srs::open(path).value();
    EXPECT_EQ(again.verifier_key(), srs.verifier_key());
    EXPECT_TRUE(std::equal(again.basis().begin(), again.basis().end(), srs.basis().begin()));
    EXPECT_EQ(again.chunk_digests().size(), internal::chunk_count(srs.size()));
    EXPECT_EQ(VerifierKey::read(path).value(), srs.verifier_key());
    EXPECT_EQ(std::filesystem::file_size(path), internal::srs_layout(log_size).file_size);
    EXPECT_TRUE(verify_srs(again).ok());
  }
}

TEST(KzgSrs, FilesAndKeysAreKnownByTheirFirstBytes) {
  const test::TemporaryDirectory directory;
  const Srs srs = Srs::dev(2, 7).value();
  ASSERT_TRUE(srs.write(directory.file("a.srs")).ok());
  ASSERT_TRUE(write_file(directory.file("a.vk"), srs.verifier_key().encode()).ok());
  ASSERT_TRUE(write_file(directory.file("other"), "no SRS").ok());
  EXPECT_TRUE(is_kzg_file(directory.file("a.srs")).value());
  EXPECT_TRUE(is_kzg_file(directory.file("a.vk")).value());
  EXPECT_FALSE(is_kzg_file(directory.file("other")).value());
}

TEST(KzgSrs, RefusesFilesThatAreNotWhole) {
  const Srs srs = Srs::dev(11, 3).value();
  const test::TemporaryDirectory directory;
  const auto path = directory.file("a.srs");
  ASSERT_TRUE(srs.write(path).ok());
  const Bytes bytes = read_file(path, 1 << 20).value();
  const auto code_of = [&](const Bytes& changed) {
    const auto result = internal::parse_srs_file(changed, "a.srs");
    return result.ok() ? std::optional<ErrorCode>() : result.error().code;
  };
  EXPECT_EQ(code_of(bytes), std::nullopt);
  for (const std::size_t size : {std::size_t{0}, std::size_t{11}, std::size_t{40}, std::size_t{4095},
                                 std::size_t{4096}, bytes.size() - 1}) {
    Bytes cut = bytes;
    cut.resize(size);
    EXPECT_EQ(code_of(cut), ErrorCode::kMalformed) << size;
  }
  Bytes longer = bytes;
  longer.push_back(0);
  EXPECT_EQ(code_of(longer), ErrorCode::kMalformed);
  Bytes changed = bytes;
  changed[4095] = 1;
  EXPECT_EQ(code_of(changed), ErrorCode::kNonCanonical);
  changed = bytes;
  changed[4096 + 64] = 1;  // behind two digests
  EXPECT_EQ(code_of(changed), ErrorCode::kNonCanonical);
  changed = bytes;
  changed[4096] ^= 1;
  EXPECT_EQ(code_of(changed), ErrorCode::kMismatch);
}

/// An SRS of these points under this key, with digests that fit.
Srs with_points(std::span<const G1Affine> points, VerifierKey key) {
  LargeArray<G1Affine> copy(points.size());
  std::copy(points.begin(), points.end(), copy.data());
  std::vector<Digest> digests = internal::digests_of(std::as_const(copy).span());
  key.basis_digest = internal::basis_digest(digests);
  return SrsAccess::from_points(std::move(key), std::move(copy), std::move(digests));
}

struct Tampered {
  Srs srs = Srs::dev(4, 3).value();
  std::vector<G1Affine> points{srs.basis().begin(), srs.basis().end()};
  VerifierKey key = srs.verifier_key();

  [[nodiscard]] Verdict verify() const { return verify_srs(with_points(points, key)); }
};

TEST(KzgVerifySrs, AcceptsHonestOnes) {
  EXPECT_TRUE(Tampered().verify().ok());
  for (const unsigned log_size : {1U, 2U, 9U}) EXPECT_TRUE(verify_srs(Srs::dev(log_size, 5).value()).ok());
}

TEST(KzgVerifySrs, ASecretThatAnybodyFindsByTryingIsRefused) {
  for (const std::int64_t secret : {3, -3, 1 << 20, -(1 << 20)}) {
    const Verdict verdict = verify_srs(Srs::from_secret(3, Fr::from_i64(secret)).value());
    EXPECT_EQ(verdict.step(), "verifier key");
    EXPECT_EQ(verdict.reason(), "its secret is " + std::to_string(secret));
  }
  EXPECT_TRUE(verify_srs(Srs::from_secret(3, Fr::from_i64((1 << 20) + 1)).value()).ok());
}

TEST(KzgVerifySrs, FindsPointsOfNoUse) {
  Tampered t;
  t.points[3].x = Fp{{1, 0, 0, 0}};
  Verdict verdict = t.verify();
  EXPECT_EQ(verdict.step(), "points");
  EXPECT_EQ(std::get<std::uint64_t>(verdict.figure("point")->value), 3u);
  t.points[3] = G1Affine::infinity();
  EXPECT_EQ(t.verify().step(), "points");
  // A secret that is a node has infinity at all others.
  EXPECT_EQ(verify_srs(Srs::from_secret(3, node_of(3, 5)).value()).step(), "points");
}

TEST(KzgVerifySrs, FindsPointsThatAreNotTheKeys) {
  const Srs srs = Srs::dev(4, 3).value();
  LargeArray<G1Affine> points(16);
  std::copy(srs.basis().begin(), srs.basis().end(), points.data());
  std::swap(points[0], points[1]);
  const Srs changed = SrsAccess::from_points(srs.verifier_key(), std::move(points),
                                             {srs.chunk_digests().begin(), srs.chunk_digests().end()});
  EXPECT_EQ(verify_srs(changed).step(), "basis digests");
}

TEST(KzgVerifySrs, FindsASumThatIsNotTheGenerator) {
  Tampered t;
  for (G1Affine& point : t.points) point = curve::add(point, point);
  EXPECT_EQ(t.verify().step(), "generator sum");
}

TEST(KzgVerifySrs, FindsPointsThatAreNoBasis) {
  Tampered t;
  std::swap(t.points[2], t.points[9]);  // the sum stays
  EXPECT_EQ(t.verify().step(), "degree relation");
  t = Tampered();
  t.points[2] = curve::add(t.points[2], G1Affine::generator());
  t.points[9] = curve::add(t.points[9], curve::negate(G1Affine::generator()));
  EXPECT_EQ(t.verify().step(), "degree relation");
  // The basis of another secret.
  t = Tampered();
  const Srs other = Srs::dev(4, 4).value();
  t.points.assign(other.basis().begin(), other.basis().end());
  EXPECT_EQ(t.verify().step(), "degree relation");
}

TEST(KzgVerifySrs, FindsPowersThatAreNotSquares) {
  for (std::size_t j = 1; j < 4; ++j) {
    Tampered t;
    t.key.powers[j] = curve::negate(t.key.powers[j]);
    EXPECT_EQ(t.verify().step(), "powers") << j;
  }
  Tampered t;
  t.key.powers[0] = curve::negate(t.key.powers[0]);
  EXPECT_EQ(t.verify().step(), "degree relation");
}

TEST(KzgVerifySrs, FindsAKeyThatCannotBeWritten) {
  Tampered t;
  t.key.powers[3] = G2Affine::infinity();
  EXPECT_EQ(t.verify().step(), "verifier key");
  t = Tampered();
  t.key.powers[2].x = t.key.powers[2].y;  // off the curve
  EXPECT_EQ(t.verify().step(), "verifier key");
}

TEST(KzgVerifySrs, KnowsDevSecretsUnderAnotherLabel) {
  Tampered t;
  t.key.origin = Origin::kPtau;
  EXPECT_EQ(t.verify().step(), "verifier key");
  const Srs other = Srs::from_secret(4, Random(1).field()).value();
  VerifierKey key = other.verifier_key();
  key.origin = Origin::kPtau;
  EXPECT_TRUE(verify_srs(with_points(other.basis(), key)).ok());
}

TEST(KzgVerifySrs, IsInconclusiveWithoutRandomness) {
  const World broken{[](std::span<std::uint8_t>) -> Status {
                       return Error{ErrorCode::kIo, "world", "is broken"};
                     },
                     [] { return std::int64_t{0}; }};
  const Verdict verdict = verify_srs(Srs::dev(3, 1).value(), broken);
  EXPECT_EQ(verdict.outcome(), Outcome::kInconclusive);
  EXPECT_EQ(verdict.step(), "random weights");
}

TEST(KzgPointsOf, ChecksTheChunksThatHoldThem) {
  const Srs srs = Srs::dev(12, 3).value();
  const VerifierKey key = srs.verifier_key();
  LargeArray<G1Affine> points(4096);
  std::copy(srs.basis().begin(), srs.basis().end(), points.data());
  std::swap(points[2050], points[2051]);  // in the third chunk
  const Srs changed = SrsAccess::from_points(key, std::move(points),
                                             {srs.chunk_digests().begin(), srs.chunk_digests().end()});
  EXPECT_TRUE(check_points_of(srs, key, 0, 4096).ok());
  EXPECT_TRUE(check_points_of(changed, key, 0, 2048).ok());
  EXPECT_TRUE(check_points_of(changed, key, 3072, 1024).ok());
  EXPECT_TRUE(check_points_of(changed, key, 2050, 0).ok());
  for (const auto& [first, count] : {std::pair{2048, 1}, {2047, 2}, {0, 4096}, {3071, 2}}) {
    const Verdict verdict =
        check_points_of(changed, key, static_cast<std::uint64_t>(first), static_cast<std::uint64_t>(count));
    EXPECT_EQ(verdict.step(), "basis digests");
    EXPECT_EQ(std::get<std::uint64_t>(verdict.figure("chunk")->value), 2u);
  }
  EXPECT_TRUE(check_points_of(srs, key, 4096, 0).ok());
  EXPECT_EQ(check_points_of(srs, key, 4097, 0).step(), "size");
  EXPECT_EQ(check_points_of(srs, key, 4096, 1).step(), "size");
  EXPECT_EQ(check_points_of(srs, key, ~std::uint64_t{0}, 2).step(), "size");
  EXPECT_EQ(check_points_of(Srs::dev(12, 4).value(), key, 0, 1).step(), "basis digests");
}

}  // namespace
}  // namespace assay::kzg
