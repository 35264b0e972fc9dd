# The application, with its permissions and certificates. Entra keeps it for 30 days under "Deleted applications".
if ($app) {
    if ($PSCmdlet.ShouldProcess($appName, 'delete the application')) {
        Invoke-MgGraphRequest -Method DELETE -Uri ('v1.0/applications/' + $app.id)
    }
}
