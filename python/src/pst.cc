// SRSs, verifier keys, and polynomials by their coefficients.
#include "assay/pst.h"

#include <filesystem>
#include <string>

#include "assay/claim_schemes.h"
#include "assay/pst_original.h"
#include "bindings.h"

namespace assay::python {
namespace {

/// Secrets from the operating system, forgotten on return.
pst::Srs random_srs(const Axes& axes) {
  std::vector<Fr> secrets;
  for (std::size_t i = 0; i < axes.count(); ++i) secrets.push_back(unwrap(Fr::random()));
  return unwrap(pst::Srs::from_secrets(axes, secrets));
}

/// p(point) and one quotient commitment for each axis, 32 bytes each.
std::pair<nb::bytes, nb::bytes> open_at(const pst::Srs& srs, const Rows& values, const Rows& point) {
  const pst::Opening opening = without_gil([&] {
    const std::vector<Scalar> scalars = read_rows(values, "values");
    return unwrap(pst::open_at(srs, IntegerView(scalars), read_elements(point, "point")));
  });
  Bytes quotients;
  for (const G1Affine& quotient : opening.quotients) {
    const auto encoded = curve::encode(quotient);
    quotients.insert(quotients.end(), encoded.begin(), encoded.end());
  }
  return {to_python(opening.value.to_scalar().to_bytes()), to_python(quotients)};
}

/// One opening, without header or commitment digest.
pst::Statement to_statement(const nb::bytes& commitment, const Rows& point, const nb::bytes& value,
                            const std::vector<nb::bytes>& quotients) {
  pst::Statement statement;
  statement.commitment = unwrap_read(curve::decode_g1(span_of(commitment), "commitment"));
  statement.point = read_elements(point, "point");
  statement.opening.value = Fr::from_scalar(unwrap(Scalar::from_bytes(span_of(value), "value")));
  for (std::size_t i = 0; i < quotients.size(); ++i) {
    const std::string place = "proof, point " + std::to_string(i);
    statement.opening.quotients.push_back(unwrap_read(curve::decode_g1(span_of(quotients[i]), place)));
  }
  return statement;
}

Verdict check_opening(const claim::TensorChecker& checker, const nb::bytes& commitment, const Rows& point,
                      const nb::bytes& value, const std::vector<nb::bytes>& quotients) {
  const pst::Statement statement = to_statement(commitment, point, value, quotients);
  return without_gil([&] { return checker.verifier().check(statement); });
}

Verdict check_original_opening(const std::vector<std::uint64_t>& sizes, const nb::bytes& commitment,
                               const Rows& point, const nb::bytes& value,
                               const std::vector<nb::bytes>& quotients) {
  const pst::Statement statement = to_statement(commitment, point, value, quotients);
  return without_gil([&] { return pst::check_under_original_setup(to_axes(sizes), statement); });
}

}  // namespace

void bind_pst(nb::module_& m) {
  nb::class_<claim::TensorChecker, claim::Checker>(m, "VerifierKey")
      .def_static(
          "decode",
          [](const nb::bytes& data, std::string_view place) {
            const ByteSpan bytes = span_of(data);
            return without_gil([&] {
              return std::make_unique<claim::TensorChecker>(
                  unwrap_read(pst::VerifierKey::decode(bytes, place)));
            });
          },
          nb::arg("data"), nb::arg("place"))
      .def_static(
          "read",
          [](const std::string& path) {
            return without_gil([&] {
              return std::make_unique<claim::TensorChecker>(unwrap_read(pst::VerifierKey::read(path)));
            });
          },
          nb::arg("path"))
      .def("encode", [](const claim::TensorChecker& v) { return to_python(v.key().encode()); })
      .def_prop_ro("digest", [](const claim::TensorChecker& v) { return to_python(v.verifier().digest()); })
      .def_prop_ro("axes", [](const claim::TensorChecker& v) { return to_tuple(v.key().axes.sizes()); })
      .def_prop_ro("trust", [](const claim::TensorChecker& v) { return pst::to_string(v.key().trust); })
      .def_prop_ro("label", [](const claim::TensorChecker& v) { return v.key().label(); })
      .def_prop_ro("contributors", [](const claim::TensorChecker& v) { return v.key().contributors; })
      .def_prop_ro("transcript", [](const claim::TensorChecker& v) { return to_python(v.key().transcript); })
      .def("check_opening", &check_opening, nb::arg("commitment"), nb::arg("point"), nb::arg("value"),
           nb::arg("quotients"));

  nb::class_<pst::Srs>(m, "Srs")
      .def("checker",
           [](const pst::Srs& srs) {
             return without_gil([&] { return std::make_unique<claim::TensorChecker>(srs); });
           })
      .def("committer", [](const pst::Srs& srs) { return std::make_unique<claim::TensorCommitter>(srs); })
      .def(
          "trim",
          [](const pst::Srs& srs, std::uint64_t level, const std::string& path) {
            unwrap(without_gil([&] { return srs.write_levels(level, path); }));
          },
          nb::arg("from_level"), nb::arg("path"))
      .def_static(
          "dev",
          [](const std::vector<std::uint64_t>& sizes, std::uint64_t seed) {
            return without_gil([&] { return unwrap(pst::Srs::dev(to_axes(sizes), seed)); });
          },
          nb::arg("axes"), nb::arg("seed"))
      .def_static(
          "random",
          [](const std::vector<std::uint64_t>& sizes) {
            return without_gil([&] { return random_srs(to_axes(sizes)); });
          },
          nb::arg("axes"))
      .def_static(
          "original",
          [](const std::vector<std::uint64_t>& sizes) {
            return without_gil([&] { return unwrap(pst::original_srs(to_axes(sizes))); });
          },
          nb::arg("axes"))
      .def_static(
          "open",
          [](const std::string& path) {
            return unwrap_read(without_gil([&] { return pst::Srs::open(path); }));
          },
          nb::arg("path"))
      .def_static(
          "write_dev",
          [](const std::vector<std::uint64_t>& sizes, std::uint64_t seed, const std::string& path) {
            without_gil([&] { unwrap(pst::Srs::write_dev(to_axes(sizes), seed, path)); });
          },
          nb::arg("axes"), nb::arg("seed"), nb::arg("path"))
      .def(
          "write",
          [](const pst::Srs& srs, const std::string& path) {
            unwrap(without_gil([&] { return srs.write(path); }));
          },
          nb::arg("path"))
      .def_prop_ro("first_level", &pst::Srs::first_level)
      .def_prop_ro("axes", [](const pst::Srs& srs) { return to_tuple(srs.axes().sizes()); })
      .def("verifier_key",
           [](const pst::Srs& srs) {
             return without_gil([&] { return std::make_unique<claim::TensorChecker>(srs.verifier_key()); });
           })
      .def("verify", [](const pst::Srs& srs) { return without_gil([&] { return pst::verify_srs(srs); }); })
      .def(
          "verify_with",
          [](const pst::Srs& srs, const setup::Ceremony& ceremony) {
            return without_gil([&] { return pst::verify_with_transcript(srs, ceremony); });
          },
          nb::arg("ceremony"))
      .def("open_at", &open_at, nb::arg("values"), nb::arg("point"))
      .def(
          "commit_coefficients",
          [](const pst::Srs& srs, const Rows& coefficients) {
            return to_python(curve::encode(without_gil([&] {
              return unwrap(pst::commit_coefficients(srs, read_elements(coefficients, "coefficients")));
            })));
          },
          nb::arg("coefficients"));

  m.def("check_original_opening", &check_original_opening, nb::arg("axes"), nb::arg("commitment"),
        nb::arg("point"), nb::arg("value"), nb::arg("quotients"));
  m.def(
      "interpolate",
      [](const std::vector<std::uint64_t>& sizes, const Rows& values) {
        return to_rows(without_gil([&] {
          const Axes axes = to_axes(sizes);
          return unwrap(pst::interpolate(axes, IntegerView(read_rows(values, "values"))));
        }));
      },
      nb::arg("axes"), nb::arg("values"));
  m.def(
      "grid_values",
      [](const std::vector<std::uint64_t>& sizes, const Rows& coefficients) {
        return to_rows(without_gil([&] {
          const Axes axes = to_axes(sizes);
          return unwrap(pst::grid_values(axes, read_elements(coefficients, "coefficients")));
        }));
      },
      nb::arg("axes"), nb::arg("coefficients"));
  m.def(
      "evaluate",
      [](const std::vector<std::uint64_t>& sizes, const Rows& coefficients, const Rows& point) {
        const Fr value = without_gil([&] {
          const Axes axes = to_axes(sizes);
          const std::vector<Fr> elements = read_elements(coefficients, "coefficients");
          return unwrap(pst::evaluate(axes, elements, read_elements(point, "point")));
        });
        return to_python(value.to_scalar().to_bytes());
      },
      nb::arg("axes"), nb::arg("coefficients"), nb::arg("point"));
}

}  // namespace assay::python
