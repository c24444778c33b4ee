// Files of a second writer (vectors/probe) are read, and ours equal them byte for byte.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "assay/probe_attestation.h"
#include "base/dsse.h"
#include "base/json.h"
#include "probe/sources.h"
#include "probe/test_support.h"

namespace assay::probe {
namespace {

using test::text_of;
using test::vectors;

Bytes bytes_of_vector(const std::string& name) { return read_file(vectors() / name, 1 << 20).value(); }

const Json& known() {
  static const Json json = read_json_file(vectors() / "known.json", 1 << 24).value();
  return json;
}

Bytes hex(const Json& text) { return from_hex(text.get<std::string>(), "known").value(); }

template <class T>
T number(const Json& text) {
  T value;
  std::memcpy(&value, hex(text).data(), sizeof(T));
  return value;
}

template <class T>
std::vector<T> numbers(const Json& list) {
  std::vector<T> out;
  for (const Json& item : list) out.push_back(number<T>(item));
  return out;
}

Result<Activations> parse_activations(const Bytes& bytes) {
  return internal::parse_activations({bytes, nullptr, "file"});
}
Result<Unembedding> parse_unembedding(const Bytes& bytes) {
  return internal::parse_unembedding({bytes, nullptr, "file"});
}

/// No prefix of a file is one, nor is the file with a byte more.
template <class Parse>
void refuses_other_lengths(const Bytes& bytes, const Parse& parse) {
  for (std::size_t size = 0; size < bytes.size(); ++size)
    EXPECT_FALSE(parse(Bytes(bytes.begin(), bytes.begin() + static_cast<std::ptrdiff_t>(size))).ok()) << size;
  Bytes longer = bytes;
  longer.push_back(0);
  EXPECT_FALSE(parse(longer).ok());
  longer.back() = 'x';
  EXPECT_FALSE(parse(longer).ok());
  EXPECT_TRUE(parse(bytes).ok());
}

TEST(ProbeVectors, Activations) {
  const Activations read = open_activations(vectors() / "rows.gotact").value();
  EXPECT_EQ(read.model_id, "tiny/model");
  EXPECT_EQ(read.precision, Precision::kBf16);
  EXPECT_EQ(read.width, 4U);
  EXPECT_THAT(read.positions, testing::ElementsAre(0, 2, 5));
  ASSERT_EQ(read.layers.size(), 2U);
  EXPECT_EQ(read.layers[1].layer, 3U);
  EXPECT_EQ(read.layers[1].values[0], 7.0F);
  EXPECT_EQ(read.layers[0].values[3], 1e4F);
  EXPECT_EQ(read.find(2), nullptr);
  EXPECT_EQ(read.sha256, sha256(bytes_of_vector("rows.gotact")));
  std::vector<float> values(read.layers[0].values.begin(), read.layers[0].values.end());
  values.insert(values.end(), read.layers[1].values.begin(), read.layers[1].values.end());
  const auto path = test::folder() / "again.gotact";
  const std::vector<std::uint32_t> layers = {1, 3};
  write_activations(path, read.model_id, read.precision, read.width, layers, read.positions, values).value();
  EXPECT_EQ(text_of(path), text_of(vectors() / "rows.gotact"));
  // 23 + n + L (4 + P (4 + 4 d))
  EXPECT_EQ(bytes_of_vector("rows.gotact").size(), 23U + 10 + 2 * (4 + 3 * (4 + 4 * 4)));
  refuses_other_lengths(bytes_of_vector("rows.gotact"), parse_activations);
}

TEST(ProbeVectors, Unembedding) {
  const Unembedding read = open_unembedding(vectors() / "u.gotue").value();
  EXPECT_EQ(read.tokens, 6U);
  EXPECT_EQ(read.width, 4U);
  std::vector<float> values(24);
  std::memcpy(values.data(), read.values.data(), read.values.size());
  const auto path = test::folder() / "again.gotue";
  UnembeddingWriter writer = UnembeddingWriter::create(path, 6, 4).value();
  EXPECT_FALSE(writer.finish().ok());
  writer.add(std::span(values).first(8)).value();
  EXPECT_FALSE(std::filesystem::exists(path));
  writer.add(std::span(values).subspan(8)).value();
  EXPECT_EQ(writer.add(std::span(values).first(4)).error().code, ErrorCode::kMismatch);
  writer.finish().value();
  EXPECT_EQ(text_of(path), text_of(vectors() / "u.gotue"));
  refuses_other_lengths(bytes_of_vector("u.gotue"), parse_unembedding);
}

TEST(ProbeVectors, Checkpoint) {
  const Checkpoint read = Checkpoint::read(vectors() / "phi.gotgeo").value();
  EXPECT_EQ(read.width, 2U);
  EXPECT_EQ(read.epsilon, 0.0F);
  EXPECT_THAT(read.phi, testing::ElementsAre(1.5F, 0.0F, 0.25F, 3.0F));
  const Bytes bytes = bytes_of_vector("phi.gotgeo");
  EXPECT_EQ(read.encode(), bytes);
  refuses_other_lengths(bytes, [](const Bytes& given) { return Checkpoint::decode(given, "file"); });
  Bytes other = bytes;
  other[12] ^= 1;
  EXPECT_EQ(Checkpoint::decode(other, "file").error().code, ErrorCode::kMismatch);
  Checkpoint under = read;
  under.epsilon = 1e-6F;
  EXPECT_EQ(Checkpoint::decode(under.encode(), "file")->epsilon, 1e-6F);
  under.epsilon = 1e-5F;
  EXPECT_EQ(Checkpoint::decode(under.encode(), "file").error().code, ErrorCode::kMismatch);
}

TEST(ProbeVectors, OriginalSet) {
  const std::string text = text_of(vectors() / "set.json");
  const ProbeSet set = ProbeSet::decode(text, "set").value();
  EXPECT_EQ(set.layer, 3U);
  EXPECT_EQ(set.probes[1].dimension, "t\xc3\xb3ne");
  EXPECT_EQ(set.probes[0].weights[3], 1e14F);
  EXPECT_EQ(set.geometry_hash.value()[31], 31);
  EXPECT_FALSE(set.details);
  EXPECT_EQ(set.encode(), text);
}

TEST(ProbeVectors, Attestations) {
  for (const char* name : {"plain", "full"}) {
    const std::string text = text_of(vectors() / (std::string(name) + ".json"));
    const Attestation read = Attestation::decode(text, name).value();
    EXPECT_EQ(to_hex(read.canonical()), known()[name].get<std::string>());
    EXPECT_EQ(read.encode(), text);
    const Verdict verdict = verify_attestation(read, read_public_key(vectors() / "key.pub").value());
    EXPECT_TRUE(verdict.ok()) << verdict.reason();
    Attestation other = read;
    ++other.sequence_number;
    EXPECT_EQ(verify_attestation(other, read_public_key(vectors() / "key.pub").value()).outcome(),
              name == std::string("plain") ? Outcome::kRejected : Outcome::kRejected);
  }
}

TEST(ProbeVectors, TheOldLayoutIsAStatusOfItsOwn) {
  const auto key = read_public_key(vectors() / "key.pub").value();
  Attestation read = Attestation::decode(text_of(vectors() / "legacy.json"), "legacy").value();
  Verdict verdict = verify_attestation(read, key);
  EXPECT_EQ(verdict.outcome(), Outcome::kInconclusive);
  EXPECT_EQ(verdict.step(), "legacy-v1 core only");
  // Nobody signed what lies behind the core: a forged number changes nothing.
  read.sequence_number = 99;
  EXPECT_EQ(verify_attestation(read, key).step(), "legacy-v1 core only");
  read.divergence_flag = !read.divergence_flag;
  EXPECT_EQ(verify_attestation(read, key).step(), "signature");
}

TEST(ProbeVectors, RowsAndTokens) {
  const std::string rows = text_of(vectors() / "a.rows");
  const RowsFile read = RowsFile::decode(rows, "a.rows").value();
  EXPECT_EQ(read.encode(), rows);
  EXPECT_EQ(read.row_count(), 3U);
  EXPECT_THAT(read.text_of_row(), testing::ElementsAre(0, 0, 1));
  const std::string tokens = text_of(vectors() / "a.tokens");
  const TokensFile salted = TokensFile::decode(tokens, "a.tokens").value();
  EXPECT_EQ(salted.encode(), tokens);
  EXPECT_EQ(to_hex(salted.digest()), known()["token_digest"].get<std::string>());
  const auto as_rows = [](const Bytes& bytes) {
    return RowsFile::decode({reinterpret_cast<const char*>(bytes.data()), bytes.size()}, "rows");
  };
  refuses_other_lengths(bytes_of_vector("a.rows"), as_rows);
  const auto as_tokens = [](const Bytes& bytes) {
    return TokensFile::decode({reinterpret_cast<const char*>(bytes.data()), bytes.size()}, "tokens");
  };
  refuses_other_lengths(bytes_of_vector("a.tokens"), as_tokens);
}

TEST(ProbeVectors, Statement) {
  const Bytes payload = hex(known()["payload"]);
  const Statement read = Statement::decode(payload, "payload").value();
  const Json& fields = known()["fields"];
  EXPECT_EQ(read.model_id, fields["model_id"].get<std::string>());
  EXPECT_EQ(to_hex(*read.weights_root), fields["weights_root"].get<std::string>());
  EXPECT_FALSE(read.chat_template);
  EXPECT_EQ(to_hex(*read.geometry.gain), fields["gain"].get<std::string>());
  EXPECT_THAT(read.positions, testing::ElementsAre(0, 5));
  EXPECT_THAT(read.readings, testing::ElementsAre(0.1, -3.5));
  EXPECT_EQ(read.probes[0].auroc_high, 0.95);
  EXPECT_EQ(to_hex(*read.causal), fields["causal"].get<std::string>());
  EXPECT_EQ(read.expires_at, 1775086400U);
  EXPECT_EQ(read.encode(), payload);
  refuses_other_lengths(payload, [](const Bytes& given) { return Statement::decode(given, "payload"); });

  const std::string envelope = text_of(vectors() / "a.statement");
  EXPECT_EQ(open_statement(envelope, "a.statement").value(), read);
  EXPECT_EQ(payload_digest(envelope, "a.statement").value(), sha256(payload));
  const auto key = test::folder() / "key";
  write_private_file(key, bytes_of_vector("key.raw"), AtomicFile::Existing::kReplace).value();
  EXPECT_EQ(sign(read, key).value(), envelope);
}

TEST(ProbeVectors, Readings) {
  const Json& readings = known()["readings"];
  std::vector<float> rows;
  std::vector<double> first;
  for (const Json& one : readings["cases"]) {
    const auto row = numbers<float>(one["row"]);
    const auto vector = numbers<double>(one["vector"]);
    rows.insert(rows.end(), row.begin(), row.end());
    if (first.empty()) first = vector;
    const Reader reader{vector, number<double>(one["bias"])};
    const double found = read_rows(row, 6, {&reader, 1}).value()[0];
    const auto expected = number<double>(one["reading"]);
    EXPECT_EQ(std::bit_cast<std::uint64_t>(found == 0 ? 0.0 : found),
              std::bit_cast<std::uint64_t>(expected == 0 ? 0.0 : expected))
        << found << " " << expected;
  }
  const Reader reader{first, number<double>(readings["cases"][0]["bias"])};
  EXPECT_EQ(read_mean(rows, 6, {&reader, 1}).value()[0], number<double>(readings["mean_reading"]));
  EXPECT_EQ(mean_row(rows, 6).value(), numbers<float>(readings["mean_row"]));
}

}  // namespace
}  // namespace assay::probe
