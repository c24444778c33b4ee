// Bindings of the room kzg.
#include "assay/kzg.h"

#include "assay/claim_schemes.h"

#include "bindings.h"

namespace assay::python {
namespace {

/// Integers as Python hands them in: an array of one dimension of signed integers, in place, or rows of
/// residues.
class Integers {
 public:
  explicit Integers(const AnyArray& array) {
    const nb::dlpack::dtype dtype = array.dtype();
    if (array.ndim() == 2 && array.shape(1) == 32 && dtype == nb::dtype<std::uint8_t>()) {
      rows_ = read_rows(ByteSpan(static_cast<const std::uint8_t*>(array.data()), array.nbytes()), "values");
      view_ = IntegerView(rows_);
    } else if (array.ndim() != 1 || !(take<std::int8_t>(array) || take<std::int16_t>(array) ||
                                      take<std::int32_t>(array) || take<std::int64_t>(array))) {
      throw Failure{{ErrorCode::kUnsupported, "values", "no array of signed integers of one dimension"}};
    }
  }
  [[nodiscard]] IntegerView view() const { return view_; }

 private:
  template <class T>
  bool take(const AnyArray& array) {
    if (array.dtype() != nb::dtype<T>()) return false;
    view_ = IntegerView(std::span(static_cast<const T*>(array.data()), array.size()));
    return true;
  }

  std::vector<Scalar> rows_;
  IntegerView view_;
};

Fr to_element(const nb::bytes& bytes, std::string_view place) {
  return Fr::from_scalar(unwrap(Scalar::from_bytes(span_of(bytes), place)));
}
G1Affine to_point(const nb::bytes& bytes, std::string_view place) {
  return unwrap_read(curve::decode_g1(span_of(bytes), place));
}
nb::bytes kzg_bytes(const Fr& element) { return python::to_python(element.to_scalar().to_bytes()); }
nb::bytes kzg_bytes(const G1Affine& point) { return python::to_python(curve::encode(point)); }

std::pair<nb::bytes, nb::bytes> kzg_bytes(const kzg::Opening& opening) {
  return {kzg_bytes(opening.value), kzg_bytes(opening.quotient)};
}

/// Name, commitment, values.
using VectorArguments = std::tuple<nb::bytes, nb::bytes, AnyArray>;
/// Name, commitment, point, value.
using ClaimArguments = std::tuple<nb::bytes, nb::bytes, nb::bytes, nb::bytes>;
/// Commitment, point, value, proof.
using StatementArguments = std::tuple<nb::bytes, nb::bytes, nb::bytes, nb::bytes>;

std::pair<std::vector<nb::bytes>, nb::bytes> open_many(
    const kzg::Srs& srs, const std::vector<VectorArguments>& given,
    const std::vector<std::pair<std::size_t, nb::bytes>>& asked) {
  std::vector<Integers> integers;
  std::vector<kzg::Vector> vectors;
  integers.reserve(given.size());
  vectors.reserve(given.size());
  for (const auto& [name, commitment, values] : given) {
    integers.emplace_back(values);
    vectors.push_back({to_digest(name, "name"), to_point(commitment, "commitment"), integers.back().view()});
  }
  std::vector<kzg::Question> questions;
  questions.reserve(asked.size());
  for (const auto& [vector, point] : asked) questions.push_back({vector, to_element(point, "point")});
  const kzg::ManyOpening opening =
      without_gil([&] { return unwrap(kzg::open_many(srs, vectors, questions)); });
  std::vector<nb::bytes> values;
  for (const Fr& value : opening.values) values.push_back(kzg_bytes(value));
  return {std::move(values), python::to_python(opening.proof.encode())};
}

Verdict check_many(const kzg::Verifier& verifier, const std::vector<ClaimArguments>& given,
                   const nb::bytes& proof) {
  std::vector<kzg::Claim> claims;
  claims.reserve(given.size());
  for (const auto& [name, commitment, point, value] : given)
    claims.push_back({to_digest(name, "name"), to_point(commitment, "commitment"), to_element(point, "point"),
                      to_element(value, "value")});
  const kzg::ManyProof decoded = unwrap_read(kzg::ManyProof::decode(span_of(proof), "proof"));
  return without_gil([&] { return verifier.check_many(claims, decoded); });
}

kzg::Statement to_statement(const nb::bytes& commitment, const nb::bytes& point, const nb::bytes& value,
                            const nb::bytes& proof) {
  return {to_point(commitment, "commitment"),
          to_element(point, "point"),
          {to_element(value, "value"), to_point(proof, "proof")}};
}

void bind_verifier(nb::module_& m) {
  nb::class_<kzg::Verifier>(m, "KzgVerifierKey")
      .def_static(
          "decode",
          [](const nb::bytes& data, std::string_view place) {
            return std::make_unique<kzg::Verifier>(
                unwrap_read(kzg::VerifierKey::decode(span_of(data), place)));
          },
          nb::arg("data"), nb::arg("place"))
      .def_static(
          "read",
          [](const std::string& path) {
            return without_gil(
                [&] { return std::make_unique<kzg::Verifier>(unwrap_read(kzg::VerifierKey::read(path))); });
          },
          nb::arg("path"))
      .def("checker",
           [](const kzg::Verifier& v) {
             return without_gil([&] { return std::make_unique<claim::KzgChecker>(v.key()); });
           })
      .def("encode", [](const kzg::Verifier& v) { return python::to_python(v.key().encode()); })
      .def_prop_ro("digest", [](const kzg::Verifier& v) { return python::to_python(v.digest()); })
      .def_prop_ro("log_size", [](const kzg::Verifier& v) { return v.key().log_size; })
      .def_prop_ro("label", [](const kzg::Verifier& v) { return v.key().label(); })
      .def(
          "check",
          [](const kzg::Verifier& v, const nb::bytes& commitment, const nb::bytes& point,
             const nb::bytes& value, const nb::bytes& proof) {
            const kzg::Statement statement = to_statement(commitment, point, value, proof);
            return without_gil([&] { return v.check(statement); });
          },
          nb::arg("commitment"), nb::arg("point"), nb::arg("value"), nb::arg("proof"))
      .def(
          "check_block",
          [](const kzg::Verifier& v, const kzg::Srs& srs, const nb::bytes& commitment, unsigned log_block,
             std::uint64_t block, const AnyArray& values, const nb::bytes& proof) {
            const Integers integers(values);
            const kzg::BlockStatement statement{to_point(commitment, "commitment"), log_block, block,
                                                integers.view(), to_point(proof, "proof")};
            return without_gil([&] { return v.check_block(srs, statement); });
          },
          nb::arg("srs"), nb::arg("commitment"), nb::arg("log_block"), nb::arg("block"), nb::arg("values"),
          nb::arg("proof"),
          nb::sig("def check_block(self, srs: KzgSrs, commitment: bytes, log_block: int, block: int, "
                  "values: typing.Any, proof: bytes) -> Verdict"))
      .def("check_many", &check_many, nb::arg("claims"), nb::arg("proof"))
      .def(
          "check_all",
          [](const kzg::Verifier& v, const std::vector<StatementArguments>& given) {
            std::vector<kzg::Statement> statements;
            statements.reserve(given.size());
            for (const auto& [commitment, point, value, proof] : given)
              statements.push_back(to_statement(commitment, point, value, proof));
            return without_gil([&] { return v.check_all(statements); });
          },
          nb::arg("statements"));
}

}  // namespace

void bind_kzg(nb::module_& m) {
  bind_verifier(m);
  nb::class_<kzg::Srs>(m, "KzgSrs")
      .def_static(
          "dev",
          [](unsigned log_size, std::uint64_t seed) {
            return without_gil([&] { return unwrap(kzg::Srs::dev(log_size, seed)); });
          },
          nb::arg("log_size"), nb::arg("seed"))
      .def_static(
          "open",
          [](const std::string& path) {
            return unwrap_read(without_gil([&] { return kzg::Srs::open(path); }));
          },
          nb::arg("path"))
      .def_static(
          "import_ptau",
          [](const std::string& ptau, unsigned log_size, const std::string& out) {
            without_gil([&] { static_cast<void>(unwrap_read(kzg::import_ptau(ptau, log_size, out))); });
          },
          nb::arg("ptau"), nb::arg("log_size"), nb::arg("out"))
      .def(
          "write",
          [](const kzg::Srs& srs, const std::string& path) {
            unwrap(without_gil([&] { return srs.write(path); }));
          },
          nb::arg("path"))
      .def("committer", [](const kzg::Srs& srs) { return std::make_unique<claim::KzgCommitter>(srs); })
      .def("checker",
           [](const kzg::Srs& srs) {
             return without_gil([&] { return std::make_unique<claim::KzgChecker>(srs); });
           })
      .def_prop_ro("log_size", &kzg::Srs::log_size)
      .def("verifier_key",
           [](const kzg::Srs& srs) {
             return without_gil([&] { return std::make_unique<kzg::Verifier>(srs.verifier_key()); });
           })
      .def("verify", [](const kzg::Srs& srs) { return without_gil([&] { return kzg::verify_srs(srs); }); })
      .def(
          "commit",
          [](const kzg::Srs& srs, const AnyArray& values) {
            const Integers integers(values);
            return kzg_bytes(without_gil([&] { return unwrap(kzg::commit(srs, integers.view())); }));
          },
          nb::arg("values"), nb::sig("def commit(self, values: typing.Any) -> bytes"))
      .def(
          "open_index",
          [](const kzg::Srs& srs, const AnyArray& values, std::uint64_t index) {
            const Integers integers(values);
            return kzg_bytes(without_gil([&] { return unwrap(kzg::open(srs, integers.view(), index)); }));
          },
          nb::arg("values"), nb::arg("index"),
          nb::sig("def open_index(self, values: typing.Any, index: int) -> tuple[bytes, bytes]"))
      .def(
          "open_at",
          [](const kzg::Srs& srs, const AnyArray& values, const nb::bytes& point) {
            const Integers integers(values);
            const Fr element = to_element(point, "point");
            return kzg_bytes(
                without_gil([&] { return unwrap(kzg::open_at(srs, integers.view(), element)); }));
          },
          nb::arg("values"), nb::arg("point"),
          nb::sig("def open_at(self, values: typing.Any, point: bytes) -> tuple[bytes, bytes]"))
      .def(
          "open_block",
          [](const kzg::Srs& srs, const AnyArray& values, unsigned log_block, std::uint64_t block) {
            const Integers integers(values);
            return kzg_bytes(
                without_gil([&] { return unwrap(kzg::open_block(srs, integers.view(), log_block, block)); }));
          },
          nb::arg("values"), nb::arg("log_block"), nb::arg("block"),
          nb::sig("def open_block(self, values: typing.Any, log_block: int, block: int) -> bytes"))
      .def(
          "open_all_blocks",
          [](const kzg::Srs& srs, const AnyArray& values, unsigned log_block) {
            const Integers integers(values);
            std::vector<nb::bytes> out;
            for (const G1Affine& point :
                 without_gil([&] { return unwrap(kzg::open_all_blocks(srs, integers.view(), log_block)); }))
              out.push_back(kzg_bytes(point));
            return out;
          },
          nb::arg("values"), nb::arg("log_block"),
          nb::sig("def open_all_blocks(self, values: typing.Any, log_block: int) -> list[bytes]"))
      .def("open_many", &open_many, nb::arg("vectors"), nb::arg("questions"),
           nb::sig("def open_many(self, vectors: collections.abc.Sequence[tuple[bytes, bytes, typing.Any]], "
                   "questions: collections.abc.Sequence[tuple[int, bytes]]) -> tuple[list[bytes], bytes]"));

  m.def(
      "kzg_node",
      [](unsigned log_size, std::uint64_t index) { return kzg_bytes(kzg::node_of(log_size, index)); },
      nb::arg("log_size"), nb::arg("index"));
}

}  // namespace assay::python
