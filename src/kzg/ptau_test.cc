// Imports of files that snarkjs made, and of the same files with every kind of fault.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <tuple>

#include "base/file.h"
#include "base/wire.h"
#include "kzg/ptau_file.h"
#include "kzg/srs_state.h"
#include "kzg/test_support.h"

namespace assay::kzg {
namespace {

Bytes vector_file(const std::string& name) {
  return read_file(ASSAY_VECTORS "/kzg/" + name, 1 << 20).value();
}

/// A file as its sections, to be changed and put together again.
struct Sections {
  std::vector<std::pair<std::uint32_t, Bytes>> list;

  static Sections of(ByteSpan file) {
    Sections out;
    WireReader reader(file, "test");
    EXPECT_TRUE(reader.begin("ptau", 1).ok());
    const std::uint32_t count = reader.u32("count").value();
    for (std::uint32_t i = 0; i < count; ++i) {
      const std::uint32_t id = reader.u32("id").value();
      const std::uint64_t size = reader.u64("size").value();
      const ByteSpan payload = reader.raw(size, "payload").value();
      out.list.emplace_back(id, Bytes(payload.begin(), payload.end()));
    }
    return out;
  }
  Bytes& operator[](std::uint32_t id) {
    for (auto& [known, payload] : list)
      if (known == id) return payload;
    ADD_FAILURE() << "no section " << id;
    return list[0].second;
  }
  void remove(std::uint32_t id) {
    std::erase_if(list, [&](const auto& each) { return each.first == id; });
  }
  [[nodiscard]] Bytes file() const {
    WireWriter writer;
    writer.begin("ptau", 1).u32(static_cast<std::uint32_t>(list.size()));
    for (const auto& [id, payload] : list) writer.u32(id).u64(payload.size()).raw(payload);
    return writer.take();
  }
};

class KzgPtau : public ::testing::Test {
 protected:
  /// What an import of these bytes gives; where it fails nothing is left behind.
  Result<VerifierKey> import(const Bytes& bytes, unsigned log_size) {
    EXPECT_TRUE(write_file(directory_.file("in.ptau"), ByteSpan(bytes)).ok());
    std::filesystem::remove(out());
    const Result<VerifierKey> key = import_ptau(directory_.file("in.ptau"), log_size, out());
    EXPECT_EQ(std::filesystem::exists(out()), key.ok());
    std::size_t files = 0;
    for (const auto& entry : std::filesystem::directory_iterator(directory_.file(""))) {
      static_cast<void>(entry);
      ++files;
    }
    EXPECT_EQ(files, key.ok() ? 2u : 1u);
    return key;
  }
  std::string failure(const Bytes& bytes, unsigned log_size = 4) {
    const Result<VerifierKey> key = import(bytes, log_size);
    return key.ok() ? "imported" : key.error().to_string();
  }
  [[nodiscard]] std::filesystem::path out() const { return directory_.file("out.srs"); }

  test::TemporaryDirectory directory_;
};

TEST_F(KzgPtau, ImportsEverySizeThatAFileHas) {
  for (const auto& [name, power] : std::map<std::string, unsigned>{{"4.ptau", 4}, {"8.ptau", 8}}) {
    for (unsigned log_size = 1; log_size <= power; ++log_size) {
      SCOPED_TRACE(testing::Message() << name << " " << log_size);
      const Result<VerifierKey> key = import(vector_file(name), log_size);
      ASSERT_TRUE(key.ok()) << key.error().to_string();
      EXPECT_EQ(key->label(), "ptau");
      const Srs srs = Srs::open(out()).value();
      EXPECT_EQ(srs.verifier_key(), *key);
      EXPECT_TRUE(verify_srs(srs).ok());
      const std::vector<std::int16_t> values = test::Random(1).words<std::int16_t>(srs.size());
      const Opening opening = open(srs, values, 1).value();
      EXPECT_TRUE(Verifier(*key).check({commit(srs, values).value(), node_of(log_size, 1), opening}).ok());
    }
  }
}

TEST_F(KzgPtau, ComputesTheBasisOfAFileThatHasNone) {
  ASSERT_TRUE(import(vector_file("4.ptau"), 4).ok());
  const Bytes expected = read_file(out(), 1 << 20).value();
  ASSERT_TRUE(import(vector_file("4.powers.ptau"), 4).ok());
  EXPECT_EQ(read_file(out(), 1 << 20).value(), expected);
  ASSERT_TRUE(import(vector_file("8.ptau"), 7).ok());
  const Bytes larger = read_file(out(), 1 << 20).value();
  Sections sections = Sections::of(vector_file("8.ptau"));
  sections.remove(12);
  ASSERT_TRUE(import(sections.file(), 7).ok());
  EXPECT_EQ(read_file(out(), 1 << 20).value(), larger);
}

TEST_F(KzgPtau, TakesSectionsInAnyOrder) {
  ASSERT_TRUE(import(vector_file("4.ptau"), 3).ok());
  const Bytes expected = read_file(out(), 1 << 20).value();
  Sections sections = Sections::of(vector_file("4.ptau"));
  std::reverse(sections.list.begin(), sections.list.end());
  ASSERT_TRUE(import(sections.file(), 3).ok());
  EXPECT_EQ(read_file(out(), 1 << 20).value(), expected);
}

// The basis of 2^(p+1) nodes in section 12 lacks a power: it is not even offered.
TEST_F(KzgPtau, RefusesMoreThanTheFileHas) {
  EXPECT_THAT(failure(vector_file("4.ptau"), 5), testing::HasSubstr("2^4 values at most"));
  EXPECT_FALSE(import(vector_file("4.ptau"), 0).ok());
  EXPECT_FALSE(import(vector_file("4.ptau"), 29).ok());
}

TEST_F(KzgPtau, RefusesFilesCutAnywhereOrLonger) {
  const Bytes bytes = vector_file("4.powers.ptau");
  for (std::size_t size = 0; size < bytes.size(); size += 1 + size / 64) {
    const Result<internal::PtauFile> parsed = internal::parse_ptau(ByteSpan(bytes).first(size), "test");
    EXPECT_FALSE(parsed.ok()) << size;
  }
  Bytes longer = bytes;
  longer.push_back(0);
  EXPECT_FALSE(internal::parse_ptau(longer, "test").ok());
}

TEST_F(KzgPtau, RefusesFramesThatAreNotOfThisFormat) {
  const auto with = [](std::size_t at, std::uint8_t value) {
    Bytes changed = vector_file("4.ptau");
    changed[at] = value;
    return changed;
  };
  EXPECT_EQ(import(with(0, 'q'), 4).error().code, ErrorCode::kMalformed);
  EXPECT_EQ(import(with(4, 2), 4).error().code, ErrorCode::kUnsupported);
  EXPECT_EQ(import(with(11, 1), 4).error().code, ErrorCode::kTooLarge);  // 2^24 sections
  EXPECT_EQ(import(with(12, 11), 4).error().code, ErrorCode::kUnsupported);
  EXPECT_EQ(import(with(23, 0x80), 4).error().code, ErrorCode::kMalformed);  // a size of 2^63 and more

  Sections sections = Sections::of(vector_file("4.ptau"));
  sections.list.push_back(sections.list[2]);
  EXPECT_THAT(failure(sections.file()), testing::HasSubstr("stands twice"));
  while (sections.list.size() < 16) sections.list.push_back(sections.list[2]);
  EXPECT_THAT(failure(sections.file()), testing::HasSubstr("stands twice"));
  sections.list.push_back(sections.list[2]);
  EXPECT_THAT(failure(sections.file()), testing::HasSubstr("section count at byte 12: 17 sections"));
  for (const std::uint32_t id : {1U, 2U, 3U}) {
    sections = Sections::of(vector_file("4.ptau"));
    sections.remove(id);
    EXPECT_THAT(failure(sections.file()), testing::HasSubstr("is missing"));
  }
  for (const std::uint32_t id : {1U, 2U, 3U, 4U, 5U, 6U, 12U, 13U, 14U, 15U}) {
    sections = Sections::of(vector_file("4.ptau"));
    sections[id].push_back(0);
    EXPECT_EQ(import(sections.file(), 4).error().code, ErrorCode::kMalformed) << id;
  }
}

TEST_F(KzgPtau, RefusesAnotherCurveOrPower) {
  const auto code_with = [&](std::size_t at, std::uint8_t value) {
    Sections sections = Sections::of(vector_file("4.ptau"));
    sections[1][at] = value;
    return import(sections.file(), 4).error().code;
  };
  EXPECT_EQ(code_with(0, 48), ErrorCode::kMismatch);    // BLS12-381
  EXPECT_EQ(code_with(4, 1), ErrorCode::kMismatch);     // of BN254, r and not p
  EXPECT_EQ(code_with(36, 5), ErrorCode::kOutOfRange);  // more than the ceremony's
  EXPECT_EQ(code_with(36, 3), ErrorCode::kMalformed);   // the sections are of another size
  EXPECT_EQ(code_with(36, 0), ErrorCode::kOutOfRange);
  EXPECT_EQ(code_with(40, 29), ErrorCode::kOutOfRange);
  Sections sections = Sections::of(vector_file("4.ptau"));
  sections[1][36] = 28;
  sections[1][40] = 28;
  EXPECT_EQ(import(sections.file(), 4).error().code, ErrorCode::kMalformed);  // sections of too few points
  sections = Sections::of(vector_file("4.ptau"));
  sections[1][36] = 29;
  EXPECT_THAT(failure(sections.file()), testing::HasSubstr(": power at byte 40: 29 is not 1 to 28"));
}

/// 64 or 128 bytes of a section, exchanged.
void exchange(Bytes& section, std::size_t size, std::size_t a, std::size_t b) {
  std::swap_ranges(section.begin() + static_cast<std::ptrdiff_t>(a * size),
                   section.begin() + static_cast<std::ptrdiff_t>((a + 1) * size),
                   section.begin() + static_cast<std::ptrdiff_t>(b * size));
}

TEST_F(KzgPtau, RefusesPointsOffTheCurveAndAtInfinity) {
  for (const auto& [id, size, points] : {std::tuple{2U, 64U, 16U}, {3U, 128U, 9U}, {12U, 64U, 31U}}) {
    for (const unsigned point : {points == 31U ? 15U : 1U, points - 1}) {
      if (id == 3 && point != 1 && point != 8) continue;
      SCOPED_TRACE(testing::Message() << "section " << id << ", point " << point);
      Sections sections = Sections::of(vector_file("4.ptau"));
      sections[id][point * size] ^= 1;
      EXPECT_EQ(import(sections.file(), 4).error().code, ErrorCode::kMalformed);
      sections = Sections::of(vector_file("4.ptau"));
      std::fill_n(sections[id].begin() + static_cast<std::ptrdiff_t>(point * size), size, std::uint8_t{0});
      EXPECT_EQ(import(sections.file(), 4).error().code, ErrorCode::kMalformed);
      // The pairings would refuse it too, after all other work.
      if (id == 3) {
        EXPECT_THAT(failure(sections.file()), testing::HasSubstr("is not a point of the group"));
      }
    }
  }
}

TEST_F(KzgPtau, RefusesCoordinatesThatAreNotCanonical) {
  // x + p in place of x is the same number.
  constexpr std::array<std::uint64_t, 4> kModulus = {0x3c208c16d87cfd47, 0x97816a916871ca8d,
                                                     0xb85045b68181585d, 0x30644e72e131a029};
  for (const auto& [id, at] : {std::pair{2U, 64U}, {3U, 128U}, {12U, 15U * 64U}}) {
    Sections sections = Sections::of(vector_file("4.ptau"));
    std::uint8_t* const x = sections[id].data() + at;
    unsigned carry = 0;
    for (std::size_t i = 0; i < 32; ++i) {
      carry += x[i] + static_cast<unsigned>(kModulus[i / 8] >> (i % 8 * 8) & 255);
      x[i] = static_cast<std::uint8_t>(carry);
      carry >>= 8;
    }
    ASSERT_EQ(carry, 0u);
    EXPECT_EQ(import(sections.file(), 4).error().code, ErrorCode::kMalformed) << id;
  }
}

TEST_F(KzgPtau, RefusesGeneratorsAndPowersOfAnotherSecret) {
  const Sections honest = Sections::of(vector_file("4.ptau"));
  Sections sections = honest;
  exchange(sections[2], 64, 0, 1);
  EXPECT_THAT(failure(sections.file()), testing::HasSubstr("section 2: does not begin with the generator"));
  sections = honest;
  exchange(sections[3], 128, 0, 1);
  EXPECT_THAT(failure(sections.file()), testing::HasSubstr("section 3: does not begin with the generator"));
  sections = honest;
  exchange(sections[2], 64, 5, 6);
  EXPECT_THAT(failure(sections.file()), testing::HasSubstr("not the powers of one secret"));
  sections = honest;
  exchange(sections[3], 128, 1, 3);
  EXPECT_THAT(failure(sections.file()), testing::HasSubstr("not the powers of one secret"));
  sections = honest;
  exchange(sections[3], 128, 4, 3);  // [tau^4]_2
  EXPECT_THAT(failure(sections.file()), testing::HasSubstr("powers: "));
  sections = honest;
  exchange(sections[12], 64, 17, 20);
  EXPECT_THAT(failure(sections.file()), testing::HasSubstr("degree relation: "));
  // The basis of another file.
  sections = honest;
  Sections other = Sections::of(vector_file("8.ptau"));
  std::copy_n(other[12].begin() + 15 * 64, 16 * 64, sections[12].begin() + 15 * 64);
  EXPECT_THAT(failure(sections.file()), testing::HasSubstr("degree relation: "));
}

// On the twist, with x = 1, but not in the subgroup of order r: the curve's equation alone would take it.
TEST_F(KzgPtau, RefusesPointsOutsideTheSubgroup) {
  const Bytes outside = from_hex(
                            "9d0d8fc58d435dd33d0bc7f528eb780a2c4679786fa36e662fdf079ac1770a0e"
                            "0000000000000000000000000000000000000000000000000000000000000000"
                            "36ee36d23eb8b9e7c27fecf7e7636d8d9f4141d6add1be6a9001fd267b474015"
                            "617bf4465741b77c0941eaddb3a4117393ad101eb6bdec3ddb950d039f643c07",
                            "test")
                            .value();
  Sections sections = Sections::of(vector_file("4.ptau"));
  std::copy(outside.begin(), outside.end(), sections[3].begin() + 4 * 128);
  EXPECT_THAT(failure(sections.file()), testing::HasSubstr("section 3: point 4"));
}

TEST_F(KzgPtau, NoTestFileIsAPublishedOne) {
  const Bytes bytes = vector_file("4.ptau");
  for (unsigned power = 0; power <= 28; ++power) EXPECT_EQ(internal::published_power(bytes, power), 0u);
}

TEST_F(KzgPtau, IsRefusedWithoutRandomness) {
  const World broken{[](std::span<std::uint8_t>) -> Status {
                       return Error{ErrorCode::kIo, "world", "is broken"};
                     },
                     [] { return std::int64_t{0}; }};
  EXPECT_EQ(import_ptau(ASSAY_VECTORS "/kzg/4.ptau", 4, out(), broken).error().code, ErrorCode::kIo);
  EXPECT_EQ(import_ptau(directory_.file("none"), 4, out()).error().code, ErrorCode::kIo);
}

}  // namespace
}  // namespace assay::kzg
