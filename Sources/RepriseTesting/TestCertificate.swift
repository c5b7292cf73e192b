internal import Glibc
package import RepriseTLS

/// Certificates for tests that vouch for themselves, and their keys.
package enum TestCertificate {
    /// Of one.test.
    package static let one = """
        -----BEGIN CERTIFICATE-----
        MIIBfDCCASOgAwIBAgIUPuRi97PtodDwlEzA9eCQKIXI+BEwCgYIKoZIzj0EAwIw
        EzERMA8GA1UEAwwIb25lLnRlc3QwIBcNMjYxMTI4MDQzMDUwWhgPMjEyNjExMDQw
        NDMwNTBaMBMxETAPBgNVBAMMCG9uZS50ZXN0MFkwEwYHKoZIzj0CAQYIKoZIzj0D
        AQcDQgAE8/mg9va46Z+mCa5wMNUeOvjqAi9p7B7r/xqAWcAOetY0C7LvEZX0CKgk
        myVQYEWJkmWqzyctFcO3ycCVKxIS9KNTMFEwHQYDVR0OBBYEFK7FrrMJlV5IisQg
        fH7FhpSMKRD2MB8GA1UdIwQYMBaAFK7FrrMJlV5IisQgfH7FhpSMKRD2MA8GA1Ud
        EwEB/wQFMAMBAf8wCgYIKoZIzj0EAwIDRwAwRAIgME/wEXdhEvhQzNJusPPAkGmE
        5mGL81AILgOQY9iodWUCIAml8Nx7HBitD50aLwTSZC2QI2otoDVBFeNG/JWz3X2/
        -----END CERTIFICATE-----
        """

    /// The key of `one`.
    package static let keyOfOne = """
        -----BEGIN PRIVATE KEY-----
        MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgVBdrPwUKPSpWbYAD
        YVS0cWPEq28+myijx5D+aM60F1qhRANCAATz+aD29rjpn6YJrnAw1R46+OoCL2ns
        Huv/GoBZwA561jQLsu8RlfQIqCSbJVBgRYmSZarPJy0Vw7fJwJUrEhL0
        -----END PRIVATE KEY-----
        """

    /// Of two.test.
    package static let two = """
        -----BEGIN CERTIFICATE-----
        MIIBfDCCASOgAwIBAgIULlzrADoEXJR2yBCEWu647y7piDowCgYIKoZIzj0EAwIw
        EzERMA8GA1UEAwwIdHdvLnRlc3QwIBcNMjYxMTI4MDQzMDUwWhgPMjEyNjExMDQw
        NDMwNTBaMBMxETAPBgNVBAMMCHR3by50ZXN0MFkwEwYHKoZIzj0CAQYIKoZIzj0D
        AQcDQgAEmTqhWrkTf9Bsb5eD2ItOA4ESmWCkpEBhVB7zVjfN5ZrN4G87JzRqB7TW
        NEV/3NxSmSfz+v2P1T8/R6B9jnLf06NTMFEwHQYDVR0OBBYEFEHhquJmvPZABWqj
        Er/PWVNb1ZEXMB8GA1UdIwQYMBaAFEHhquJmvPZABWqjEr/PWVNb1ZEXMA8GA1Ud
        EwEB/wQFMAMBAf8wCgYIKoZIzj0EAwIDRwAwRAIgX9lGktq1/sLd1SV2oDAHp0Ya
        Zmz3I3igcqAp5ZzfIZoCICWIM5PKedUnMhVeQ5E63A1dR55UBVyOXWWavi8IARDe
        -----END CERTIFICATE-----
        """

    /// The key of `two`.
    package static let keyOfTwo = """
        -----BEGIN PRIVATE KEY-----
        MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgXtDF3iew8aFXLfHh
        LkQRoe8xpyrqQw6VNl4ktnbYezmhRANCAASZOqFauRN/0Gxvl4PYi04DgRKZYKSk
        QGFUHvNWN83lms3gbzsnNGoHtNY0RX/c3FKZJ/P6/Y/VPz9HoH2Oct/T
        -----END PRIVATE KEY-----
        """

    /// Loads a certificate and a key as if they lay in files.
    package static func load(_ chain: String = one, key: String = keyOfOne) throws(TLSError) -> TLSCertificate {
        let folder = TemporaryFolder()
        for (name, text) in [("chain", chain), ("key", key)] {
            let file = unsafe fopen("\(folder.path)/\(name)", "w")
            precondition(unsafe file != nil, "cannot write into \(folder.path)")
            unsafe fputs(text + "\n", file)
            unsafe fclose(file)
        }
        return try TLSCertificate(chainPath: "\(folder.path)/chain", keyPath: "\(folder.path)/key")
    }
}
