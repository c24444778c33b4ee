// What is refused of files, and where the refusal says so.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <numeric>

#include "assay/probe_attestation.h"
#include "base/json.h"
#include "probe/number_text.h"
#include "probe/sources.h"
#include "probe/test_support.h"

namespace assay::probe {
namespace {

using testing::HasSubstr;

Bytes bytes_of(std::string_view text) { return {text.begin(), text.end()}; }

Result<Activations> parse(std::string_view text) {
  return internal::parse_activations({bytes_of(text), nullptr, "file"});
}

TEST(ProbeFormats, TheMisalignedVariantIsNamed) {
  const auto path = std::filesystem::path(ASSAY_VECTORS) / "tensor" / "misaligned.gotact";
  const Error error = open_activations(path).error();
  EXPECT_THAT(error.to_string(), HasSubstr("before every position"));
  EXPECT_THAT(error.to_string(), HasSubstr("misaligned.gotact"));
}

TEST(ProbeFormats, JsonInPlaceOfActivations) {
  const Activations read = parse(R"([{"layer":1,"token_position":0,"values":[1,2]},
    {"layer":1,"token_position":4,"values":[3,4]},{"layer":2,"token_position":0,"values":[5,6]},
    {"layer":2,"token_position":4,"values":[7,8.5]}])")
                               .value();
  EXPECT_EQ(read.model_id, "");
  EXPECT_THAT(read.positions, testing::ElementsAre(0, 4));
  EXPECT_THAT(read.find(2)->values, testing::ElementsAre(5, 6, 7, 8.5));
  const std::string_view head = R"([{"layer":1,"token_position":0,"values":[1,2]},)";
  for (const auto& [rest, code] : {
           std::pair(R"({"layer":1,"token_position":0,"values":[1,2]}])", ErrorCode::kNonCanonical),
           {R"({"layer":0,"token_position":0,"values":[1,2]}])", ErrorCode::kNonCanonical},
           {R"({"layer":1,"token_position":1,"values":[1]}])", ErrorCode::kMismatch},
           {R"({"layer":2,"token_position":1,"values":[1,2]}])", ErrorCode::kNonCanonical},
           {R"({"layer":1,"token_position":1,"values":[1,1e39]}])", ErrorCode::kOutOfRange},
           {R"({"layer":1,"token_position":1,"values":[1,2],"x":1}])", ErrorCode::kMalformed},
           {R"({"layer":1,"token_position":1,"values":[1,2]},{"layer":2,"token_position":0,"values":[1,2]}])",
            ErrorCode::kMismatch},
           {R"({"layer":2,"token_position":0,"values":[1,2]},{"layer":2,"token_position":0,"values":[1,2]}])",
            ErrorCode::kNonCanonical},
           {R"({"layer":1,"token_position":1,"values":[1,2]},{"layer":2,"token_position":0,"values":[1,2]},
               {"layer":3,"token_position":1,"values":[1,2]}])",
            ErrorCode::kMismatch},
       })
    EXPECT_EQ(parse(std::string(head) + rest).error().code, code) << rest;
  EXPECT_FALSE(parse("[]").ok());
  EXPECT_FALSE(parse(R"([{"layer":1,"token_position":0,"values":[]}])").ok());
}

TEST(ProbeFormats, JsonInPlaceOfAnUnembedding) {
  const auto read = [](std::string_view text) {
    return internal::parse_unembedding({bytes_of(text), nullptr, "file"});
  };
  EXPECT_EQ(read(R"({"vocab_size":2,"hidden_dim":1,"data":[1,2]})")->values.size(), 8U);
  EXPECT_EQ(read(R"({"vocab_size":2,"hidden_dim":2,"data":[1,2]})").error().code, ErrorCode::kMismatch);
  EXPECT_FALSE(read(R"({"vocab_size":0,"hidden_dim":2,"data":[]})").ok());
}

TEST(ProbeFormats, WritersRefuseWhatReadersDo) {
  const auto path = test::folder() / "a.gotact";
  const std::vector<std::uint32_t> up = {0, 1};
  const std::vector<std::uint32_t> down = {1, 0};
  const std::vector<float> good(8, 1);
  std::vector<float> bad = good;
  bad[3] = std::nanf("");
  const auto write = [&](std::uint32_t width, const auto& layers, const auto& positions, const auto& values) {
    return write_activations(path, "m", Precision::kFp32, width, layers, positions, values);
  };
  EXPECT_TRUE(write(2, up, up, good).ok());
  EXPECT_EQ(write(2, down, up, good).error().code, ErrorCode::kNonCanonical);
  EXPECT_EQ(write(2, up, down, good).error().code, ErrorCode::kNonCanonical);
  EXPECT_EQ(write(2, std::vector<std::uint32_t>(), up, good).error().code, ErrorCode::kTooLarge);
  EXPECT_EQ(write(3, up, up, good).error().code, ErrorCode::kMismatch);
  std::vector<std::uint32_t> most(4096);
  std::iota(most.begin(), most.end(), 0U);
  EXPECT_TRUE(write(1, most, std::vector<std::uint32_t>{0}, std::vector<float>(4096)).ok());
  most.push_back(4096);
  EXPECT_EQ(write(1, most, std::vector<std::uint32_t>{0}, std::vector<float>(4097)).error().to_string(),
            "layers: 4097 of them, 1 to 4096 are taken");
  EXPECT_EQ(write(0, up, up, good).error().code, ErrorCode::kTooLarge);
  EXPECT_EQ(write(2, up, up, bad).error().code, ErrorCode::kOutOfRange);
  EXPECT_EQ(write_activations(path, std::string(5000, 'm'), Precision::kFp32, 2, up, up, good).error().code,
            ErrorCode::kTooLarge);
  EXPECT_EQ(UnembeddingWriter::create(path, 0, 2).error().code, ErrorCode::kTooLarge);
  EXPECT_EQ(UnembeddingWriter::create(path, 2, kMaxWidth + 1).error().code, ErrorCode::kTooLarge);
  UnembeddingWriter writer = UnembeddingWriter::create(test::folder() / "u.gotue", 2, 2).value();
  EXPECT_EQ(writer.add(std::span(bad).subspan(2, 2)).error().code, ErrorCode::kOutOfRange);
  EXPECT_EQ(writer.add(std::span(good).first(3)).error().code, ErrorCode::kMismatch);
}

TEST(ProbeFormats, WritersTakeAsMuchAsTheySay) {
  const auto folder = test::folder();
  const std::vector<std::uint32_t> one = {0};
  const std::vector<float> value = {1};
  const auto write = [&](std::size_t bytes) {
    return write_activations(folder / "a.gotact", std::string(bytes, 'm'), Precision::kFp32, 1, one, one,
                             value);
  };
  EXPECT_TRUE(write(4096).ok());
  EXPECT_EQ(write(4097).error().place, "model id");
  EXPECT_TRUE(UnembeddingWriter::create(folder / "u.gotue", UINT32_MAX, 2).ok());
  const std::uint64_t over = std::uint64_t{UINT32_MAX} + 1;
  EXPECT_EQ(UnembeddingWriter::create(folder / "u.gotue", over, 2).error().place, "tokens");
}

TEST(ProbeFormats, ACheckpointIsOfAWidthUpToTheLargest) {
  Bytes bytes = read_file(test::vectors() / "phi.gotgeo", 1 << 20).value();
  const auto refusal = [&](std::uint32_t width) {
    for (std::size_t i = 0; i < 4; ++i) bytes[6 + i] = static_cast<std::uint8_t>(width >> (8 * i));
    return Checkpoint::decode(bytes, "f").error().to_string();
  };
  EXPECT_THAT(refusal(kMaxWidth + 1), HasSubstr("32769 is not in 1 to 32768"));
  EXPECT_THAT(refusal(kMaxWidth), HasSubstr("phi")) << "the matrix is cut off";
}

TEST(ProbeFormats, ASetIsOfAWidthUpToTheLargest) {
  ProbeSet set = ProbeSet::read(test::vectors() / "set.json").value();
  for (OriginalProbe& probe : set.probes) probe.weights.assign(kMaxWidth, 0);
  EXPECT_TRUE(set.validate().ok());
  for (OriginalProbe& probe : set.probes) probe.weights.push_back(0);
  EXPECT_EQ(set.validate().error().to_string(), "weights: 32769 of them, 1 to 32768 are taken");
}

TEST(ProbeFormats, CheckpointsOfOtherKinds) {
  EXPECT_EQ(Checkpoint::decode(bytes_of("GOTX\x01\0"), "f").error().code, ErrorCode::kMalformed);
  Bytes bytes = read_file(test::vectors() / "phi.gotgeo", 1 << 20).value();
  bytes[4] = 2;
  EXPECT_EQ(Checkpoint::decode(bytes, "f").error().code, ErrorCode::kUnsupported);
  bytes[4] = 1;
  bytes[6] = 0;
  EXPECT_EQ(Checkpoint::decode(bytes, "f").error().code, ErrorCode::kTooLarge);
  bytes[6] = 2;
  bytes[45] = 0xff;
  bytes[44] = 0xff;
  EXPECT_EQ(Checkpoint::decode(bytes, "f").error().code, ErrorCode::kOutOfRange);
  const auto path = test::folder() / "short.gotgeo";
  write_file(path, "GOTG").value();
  EXPECT_EQ(Checkpoint::read(path).error().to_string(), path.string() + ": 4 bytes, its header has 42");
  bytes = read_file(test::vectors() / "phi.gotgeo", 1 << 20).value();
  write_file(path, ByteSpan(bytes).first(42)).value();
  EXPECT_EQ(Checkpoint::read(path).error().reason, "needs 16 bytes, 0 are left: truncated?");
}

TEST(ProbeFormats, Labels) {
  EXPECT_THAT(parse_labels("1\n 0\t\r\n\n true \nfalse", "f").value(),
              testing::ElementsAre(true, false, true, false));
  EXPECT_TRUE(parse_labels("", "f")->empty());
  EXPECT_EQ(parse_labels("1\n2\n", "f").error().to_string(), "f: line 2: it is neither 1, true, 0 nor false");
  EXPECT_FALSE(parse_labels("True", "f").ok());
  EXPECT_EQ(labels_text({true, false}), "1\n0\n");
}

TEST(ProbeFormats, KeysOfAnotherLength) {
  const Statement statement = test::stated().statement;
  const auto folder = test::folder();
  for (const std::size_t size : {0U, 31U, 33U, 64U}) {
    write_private_file(folder / "key", Bytes(size, 7), AtomicFile::Existing::kReplace).value();
    const auto refusal = read_public_key(folder / "key").error();
    EXPECT_EQ(refusal.code, ErrorCode::kMalformed);
    EXPECT_THAT(refusal.to_string(), HasSubstr("32 raw bytes"));
    EXPECT_EQ(sign(statement, folder / "none").error().code, ErrorCode::kIo);
    EXPECT_EQ(sign(Attestation{}, folder / "key", 0).error().code, ErrorCode::kMalformed);
  }
}

// One key in 256 begins as PEM does.
TEST(ProbeFormats, ARawKeyMayBeginWithAnyByte) {
  const Statement statement = test::stated().statement;
  const auto raw = test::folder() / "raw", pem = test::folder() / "pem";
  std::array<std::uint8_t, 32> seed{1, 2, 3};
  for (const char first : {'-', '{', '\0'}) {
    seed[0] = static_cast<std::uint8_t>(first);
    write_private_file(raw, seed, AtomicFile::Existing::kReplace).value();
    const std::string text = encode_signing_key(SigningKey::from_seed(seed));
    write_private_file(pem, Bytes(text.begin(), text.end()), AtomicFile::Existing::kReplace).value();
    EXPECT_EQ(sign(statement, raw).value(), sign(statement, pem).value()) << int{first};
    EXPECT_EQ(read_public_key(raw).value(), PublicKey(seed)) << int{first};
  }
}

TEST(ProbeFormats, APublicKeyIsPemAsWell) {
  const PublicKey key = SigningKey::from_seed({1, 2, 3}).public_key();
  const auto path = test::folder() / "key";
  write_file(path, encode_public_key(key)).value();
  EXPECT_EQ(read_public_key(path).value(), key);
}

TEST(ProbeFormats, LinesAreAsManyAsAreAnnouncedAndEachIsEnded) {
  const std::string rows = test::text_of(test::vectors() / "a.rows");
  const std::string tokens = test::text_of(test::vectors() / "a.tokens");
  const auto of_rows = [](const std::string& text) {
    return RowsFile::decode(text, "f").error().to_string();
  };
  const auto of_tokens = [](const std::string& text) {
    return TokensFile::decode(text, "f").error().to_string();
  };
  const std::string unended = "f: line 3: there is no line here that a line break ends";
  EXPECT_EQ(of_rows(rows.substr(0, rows.size() - 1)), unended);
  EXPECT_EQ(of_tokens(tokens.substr(0, tokens.size() - 1)), unended);
  const std::string left_over = "f: it has more lines than it announces";
  EXPECT_EQ(of_rows(rows + "\n"), left_over);
  EXPECT_EQ(of_tokens(tokens + "[1]\n"), left_over);
  std::string spaced = tokens;
  spaced.insert(1, " ");
  EXPECT_EQ(of_tokens(spaced), "f: it is laid out otherwise than this program writes it");
}

TEST(ProbeFormats, RowsThatAreNone) {
  const RowsFile good = RowsFile::read(test::vectors() / "a.rows").value();
  const auto refused = [&](const auto& change) {
    RowsFile file = good;
    change(file);
    EXPECT_FALSE(RowsFile::decode(file.encode(), "f").ok());
    return file.validate().ok() ? ErrorCode::kIo : file.validate().error().code;
  };
  EXPECT_EQ(refused([](RowsFile& f) { f.rule = "some"; }), ErrorCode::kMalformed);
  EXPECT_EQ(refused([](RowsFile& f) { f.rule = ""; }), ErrorCode::kMalformed);
  RowsFile longest = good;
  longest.rule = std::string(kMaxText, '1');
  EXPECT_TRUE(longest.validate().ok());
  for (const char* rule : {"0,9", "all", "last", "mean"}) {
    longest.rule = rule;
    EXPECT_TRUE(longest.validate().ok()) << rule;
  }
  longest.texts[0].tokens.resize(RowsFile::kMaxTokens);
  EXPECT_TRUE(longest.validate().ok());
  longest.texts[0].tokens.push_back(0);
  EXPECT_EQ(longest.validate().error().to_string(), "text 0: tokens: 60001 of them, 1 to 60000 are taken");
  longest.texts[0].tokens.pop_back();
  EXPECT_EQ(refused([](RowsFile& f) { f.rule = std::string(kMaxText + 1, '1'); }), ErrorCode::kMalformed);
  EXPECT_EQ(refused([](RowsFile& f) { f.texts.clear(); }), ErrorCode::kTooLarge);
  longest.texts.resize(RowsFile::kMaxTexts);
  EXPECT_EQ(longest.validate().error().place, "text 2: group") << "as many are taken, and these are empty";
  longest.texts.emplace_back();
  EXPECT_EQ(longest.validate().error().place, "texts");
  EXPECT_EQ(refused([](RowsFile& f) { f.model_id = std::string(257, 'm'); }), ErrorCode::kTooLarge);
  EXPECT_EQ(refused([](RowsFile& f) { f.texts[0].group.clear(); }), ErrorCode::kMalformed);
  EXPECT_EQ(refused([](RowsFile& f) { f.texts[0].positions = {1, 1}; }), ErrorCode::kNonCanonical);
  EXPECT_EQ(refused([](RowsFile& f) { f.texts[0].positions = {3}; }), ErrorCode::kOutOfRange);
  EXPECT_EQ(refused([](RowsFile& f) { f.texts[0].positions.clear(); }), ErrorCode::kMalformed);
  EXPECT_EQ(refused([](RowsFile& f) { f.texts[0].tokens[0] = 1U << 31; }), ErrorCode::kOutOfRange);
  EXPECT_EQ(refused([](RowsFile& f) { f.texts[0].tokens.clear(); }), ErrorCode::kTooLarge);
  std::string spaced = good.encode();
  spaced.insert(1, " ");
  EXPECT_EQ(RowsFile::decode(spaced, "f").error().code, ErrorCode::kNonCanonical);
  RowsFile mean = good;
  mean.rule = "mean";
  EXPECT_EQ(mean.row_count(), 2U);
  mean.write(test::folder() / "m.rows").value();
  EXPECT_EQ(RowsFile::read(test::folder().parent_path() / "none").error().code, ErrorCode::kIo);
}

TEST(ProbeFormats, SetsThatAreNone) {
  const test::Stated stated = test::stated();
  const ProbeSet again = ProbeSet::decode(stated.set.encode(), "set").value();
  EXPECT_EQ(again.encode(), stated.set.encode());
  EXPECT_EQ(again.details->probes[0].digest(), stated.set.details->probes[0].digest());
  const auto code = [&](const auto& change) {
    ProbeSet set = stated.set;
    change(set);
    return set.validate().ok() ? ErrorCode::kIo : set.validate().error().code;
  };
  EXPECT_EQ(code([](ProbeSet& s) { s.probes.clear(); }), ErrorCode::kTooLarge);
  EXPECT_EQ(code([](ProbeSet& s) { s.probes[0].weights.clear(); }), ErrorCode::kTooLarge);
  EXPECT_EQ(code([](ProbeSet& s) { s.probes[0].dimension = "\xff"; }), ErrorCode::kMalformed);
  EXPECT_EQ(code([](ProbeSet& s) { s.probes.push_back({"b", {1}, 0, 1, 0, 0}); }), ErrorCode::kMismatch);
  EXPECT_EQ(code([](ProbeSet& s) { s.details->probes.clear(); }), ErrorCode::kMismatch);
  EXPECT_EQ(code([](ProbeSet& s) { s.details->probes[0].vector.pop_back(); }), ErrorCode::kMismatch);
  EXPECT_EQ(code([](ProbeSet& s) { s.details->probes[0].covector[0] = HUGE_VAL; }), ErrorCode::kOutOfRange);
  EXPECT_EQ(code([](ProbeSet& s) { s.details->probes[0].vector[0] = HUGE_VAL; }), ErrorCode::kOutOfRange);
  EXPECT_EQ(code([](ProbeSet& s) { s.details->probes[0].reading_sd = HUGE_VAL; }), ErrorCode::kOutOfRange);
  EXPECT_EQ(code([](ProbeSet& s) { s.details->geometry.trace = NAN; }), ErrorCode::kOutOfRange);
  EXPECT_EQ(code([](ProbeSet& s) { s.probes[0].weights[0] = INFINITY; }), ErrorCode::kOutOfRange);
  for (float OriginalProbe::*number : {&OriginalProbe::bias, &OriginalProbe::platt_scale,
                                       &OriginalProbe::platt_shift, &OriginalProbe::reliability_threshold})
    for (const float none : {INFINITY, std::nanf("")})
      EXPECT_EQ(code([&](ProbeSet& s) { s.probes[0].*number = none; }), ErrorCode::kOutOfRange);
  ProbeSet most = stated.set;
  most.details.reset();
  most.probes.resize(kMaxProbes, most.probes[0]);
  EXPECT_TRUE(most.validate().ok());
  most.probes[1].weights = {1};
  EXPECT_EQ(most.validate().error().to_string(), "probes[1]: 1 weights, the first probe has 8");
  most.probes.push_back(most.probes[0]);
  EXPECT_EQ(most.validate().error().code, ErrorCode::kTooLarge);
  const auto decoded = [&](std::string_view from, std::string_view to) {
    std::string text = stated.set.encode();
    text.replace(text.find(from), from.size(), to);
    return ProbeSet::decode(text, "set");
  };
  EXPECT_FALSE(decoded("\"fp32\"", "\"fp64\"").ok());
  EXPECT_FALSE(decoded("\"geometry_hash\": null", "\"geometry_hash\": [1, 2]").ok());
  EXPECT_FALSE(decoded("\"geometry_hash\": null", "\"geometry_hash\": [256]").ok());
  EXPECT_FALSE(decoded("\"bias\": ", "\"bias\": 1e39").ok());
  EXPECT_FALSE(decoded("\"covector\": \"", "\"covector\": \"AAAA").ok());
  EXPECT_EQ(decoded("set/v1", "set/v2").error().code, ErrorCode::kUnsupported);
  Json json = parse_json(stated.set.encode(), "set").value();
  json["assay"]["probes"][0]["examples"] = {72, 24};
  EXPECT_EQ(ProbeSet::decode(json.dump(), "set").error().reason, "three counts are expected");
}

TEST(ProbeFormats, NumbersAsTheOriginalWritesThem) {
  using internal::number_text;
  EXPECT_EQ(number_text(0.0F), "0.0");
  EXPECT_EQ(number_text(-0.0F), "-0.0");
  EXPECT_EQ(number_text(1e-6F), "0.000001");
  EXPECT_EQ(number_text(1e-7F), "1e-7");
  EXPECT_EQ(number_text(1.25e-5F), "0.0000125");
  EXPECT_EQ(number_text(1e12F), "1000000000000.0");
  EXPECT_EQ(number_text(1e13F), "1e13");
  EXPECT_EQ(number_text(1.5e20F), "1.5e20");
  EXPECT_EQ(number_text(1.5), "1.5");
  EXPECT_EQ(number_text(1e15), "1000000000000000.0");
  EXPECT_EQ(number_text(1e16), "1e16");
  EXPECT_EQ(number_text(1234567890123456.5), "1234567890123456.5");
  EXPECT_EQ(number_text(1e-5), "0.00001");
  EXPECT_EQ(number_text(1e-7), "1e-7");
  std::mt19937_64 generator(5);
  for (int i = 0; i < 20000; ++i) {
    const auto single = std::bit_cast<float>(static_cast<std::uint32_t>(generator()));
    if (std::isfinite(single)) {
      EXPECT_EQ(static_cast<float>(std::stod(number_text(single))), single) << number_text(single);
    }
    const auto pair = std::bit_cast<double>(generator());
    if (std::isfinite(pair) && std::fabs(pair) > 1e-300) {
      EXPECT_EQ(std::stod(number_text(pair)), pair) << number_text(pair);
    }
  }
}

TEST(ProbeFormats, WhatDivisionLeavesOverBreaksATie) {
  // Mean 1 + 2^-53, half way between two doubles, and in the first row the least product that there is.
  const std::vector<float> rows = {1, 0x1p-53F, 0x1p-149F, 1, 0x1p-53F, 0, 1, 0x1p-53F, 0};
  const std::vector<double> covector = {1, 1, 5e-324};
  const Reader reader{covector, 0};
  EXPECT_EQ(read_mean(rows, 3, {&reader, 1}).value()[0], 1 + 0x1p-52);
  EXPECT_EQ(read_mean(std::span(rows).subspan(3), 3, {&reader, 1}).value()[0], 1);
  EXPECT_EQ(read_rows(rows, 3, {&reader, 1}).value(), (std::vector<double>{1 + 0x1p-52, 1, 1}));
}

TEST(ProbeFormats, AFileIsHashedUpToItsLimit) {
  const std::filesystem::path path = test::vectors() / "key.raw";
  EXPECT_EQ(file_digest(path, 32).value(), sha256(read_file(path, 32).value()));
  EXPECT_EQ(file_digest(path, 31).error().code, ErrorCode::kTooLarge);
}

TEST(ProbeFormats, ReadingsRefuse) {
  const std::vector<float> rows = {1, 2, 3, 4};
  const std::vector<double> covector = {1, 1};
  const Reader reader{covector, 0};
  EXPECT_EQ(read_rows(rows, 3, {&reader, 1}).error().code, ErrorCode::kMismatch);
  EXPECT_EQ(read_rows(rows, 4, {&reader, 1}).error().code, ErrorCode::kMismatch);
  const std::vector<float> infinite = {1, INFINITY};
  EXPECT_EQ(read_rows(infinite, 2, {&reader, 1}).error().to_string(), "row 0: holds an infinity or NaN");
  const std::vector<double> nan = {1, NAN};
  const Reader bad{nan, 0};
  EXPECT_EQ(read_rows(rows, 2, {&bad, 1}).error().code, ErrorCode::kOutOfRange);
  const std::vector<double> huge = {1e308, 1e308};
  const Reader beyond{huge, 0};
  EXPECT_EQ(read_rows(rows, 2, {&beyond, 1}).error().code, ErrorCode::kOutOfRange);
  EXPECT_EQ(read_mean(rows, 2, {&beyond, 1}).error().code, ErrorCode::kOutOfRange);
  EXPECT_EQ(read_mean({}, 2, {&reader, 1}).error().code, ErrorCode::kMismatch);
  EXPECT_EQ(mean_row({}, 2).error().code, ErrorCode::kMismatch);
  EXPECT_EQ(mean_row(std::vector<float>(std::size_t{1} << 24), 1).error().reason,
            "16777216 rows, 1 to 2^24 - 1 have a mean");
}

}  // namespace
}  // namespace assay::probe
